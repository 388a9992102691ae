//! Only the readers can decrypt what the handler encrypts. This is checked with age, and with an implementation that
//! shares no code with it.

use std::cell::RefCell;

use lambda::delivery::{encryption::encrypt, public_key::Recipient};
use proptest::{prelude::*, test_runner::TestRunner};
use tests::{KeyPair, OtherAge};

/// The kinds of keys, two of each. With one RSA key, the encrypted file key fills its lines completely; with the other,
/// it does not.
const KINDS: [&str; 6] = ["x25519", "x25519", "ssh-ed25519", "ssh-ed25519", "ssh-rsa-2048", "ssh-rsa-3072"];

/// Decrypts a block with every implementation that supports the kind of key. The results must be the same.
fn open(other: &mut OtherAge, block: &str, pair: &KeyPair) -> Option<String> {
    let text = pair.open(block);
    if pair.public.as_str().starts_with("ssh-ed25519") {
        return text;
    }
    assert_eq!(other.open(block, pair), text, "{block}");
    text
}

#[test]
fn only_its_readers_can_decrypt_any_text() {
    let mut other = OtherAge::start();
    let pairs = KINDS.map(|kind| other.make(kind));
    let other = RefCell::new(other);
    let text = prop_oneof![3 => "[ -~]{1,300}", 1 => any::<String>(), 1 => Just(String::new()), 1 => "[a-z]{65536}"];
    let readers = prop::sample::subsequence((0..pairs.len()).collect::<Vec<_>>(), 1..=pairs.len());
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&(text, readers), |(text, readers)| {
        let recipients: Vec<Recipient> = readers.iter().map(|reader| pairs[*reader].public.clone()).collect();
        let block = encrypt(&text, &recipients).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let lines: Vec<_> = block.lines().collect();
        prop_assert_eq!(lines[0], "-----BEGIN AGE ENCRYPTED FILE-----");
        prop_assert_eq!(lines[lines.len() - 1], "-----END AGE ENCRYPTED FILE-----");
        prop_assert!(block.ends_with('\n') && lines.iter().all(|line| line.len() <= 64), "{}", block);
        for (index, pair) in pairs.iter().enumerate() {
            let expected = readers.contains(&index).then(|| text.clone());
            prop_assert_eq!(open(&mut other.borrow_mut(), &block, pair), expected, "{}", pair.public);
        }
        // The block is never the same twice, and it can be decrypted with the line ends of mail programs.
        prop_assert_ne!(&encrypt(&text, &recipients).unwrap_or_default(), &block);
        prop_assert_eq!(pairs[readers[0]].open(&block.replace('\n', "\r\n")), Some(text));
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}
