//! E-mail addresses in the configuration: the pattern of the schema, and what a wrong address may mean.

use lambda::model::email::Email;

use crate::config::setting_type::{SameAs, ValueRule, Word};

impl Word for Email {
    fn rule() -> ValueRule {
        let (atom, label) = ("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?");
        let (sizes, top) = ("(?=.{1,100}$)(?=[^@]{1,64}@)", "(?=[0-9-]*[A-Za-z])");
        ValueRule::pattern(&format!("{sizes}{atom}(?:[.]{atom})*@(?:{label}[.])+{top}{label}"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // People write `Name <name@domain>`, `mailto:name@domain`, or a comma instead of a dot.
        let address = text.split(['<', '>', ' ', '"']).find(|word| word.contains('@')).unwrap_or(text);
        let address = address.trim_start_matches("mailto:");
        vec![address.to_owned(), address.replace(',', ".")]
    }
}

impl SameAs for Email {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}
