//! `make demo` as a newcomer runs it: the schedule fires, and every check passes.

use std::process::Command;

use tests::root;

fn demo(config: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg(root().join(config)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{config}: {text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("WRONG") && text.contains("All is as the configuration says"), "{text}");
    text
}

#[test]
fn the_default_configuration() {
    let text = demo("rotation.yaml");
    // Mails about the new key, the retired key and the deleted key, and the digest.
    assert_eq!(text.matches("Subject: ").count(), 4, "{text}");
}

#[test]
fn the_article() {
    let text = demo("examples/article.yaml");
    // Mails about two new keys, one retired key and one that was deleted to free its place in the quota, and the
    // digest.
    assert_eq!(text.matches("Subject: ").count(), 5, "{text}");
}

#[test]
fn an_encrypted_mail() {
    let text = demo("examples/encrypted.yaml");
    assert_eq!(text.matches("from the mail's block works").count(), 1, "{text}");
}

#[test]
fn an_invalid_configuration_is_refused() {
    for (argument, says) in [("nowhere.yaml", "cannot be read"), ("Cargo.toml", "Cargo.toml:1:1")] {
        let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg(root().join(argument)).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(says), "{error}");
    }
}
