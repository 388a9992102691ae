//! The public keys that mails are encrypted to.

use lambda::delivery::public_key::Recipient;

use crate::config::setting_type::{SameAs, ValueRule, Word};

impl Word for Recipient {
    /// The pattern checks only the form. [`Recipient`]'s parser also checks that the key is complete.
    fn rule() -> ValueRule {
        // How the base64 of each type of SSH key begins, and how long it is for the allowed sizes.
        let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}";
        let comment = "[^\\u0000-\\u001f\\u007f-\\u009f]";
        let rsa = "ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]{340,1400}={0,2}";
        ValueRule::pattern(&format!("(?:age1[a-z0-9]{{58}}|(?:{ed25519}|{rsa})(?: {comment}*)?)"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // People copy a line with a text before or after the key.
        let at = ["age1", "ssh-ed25519 ", "ssh-rsa "].iter().filter_map(|kind| text.find(kind)).min();
        let line = at.and_then(|at| text[at..].lines().next()).unwrap_or_default().trim();
        let word = line.split([' ', '"', '\'', '>', ',']).next().unwrap_or_default();
        vec![line.to_owned(), word.to_owned()]
    }
}

impl SameAs for Recipient {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}
