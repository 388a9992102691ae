//! The question before a run: a person types the number of the account.

use std::{
    io::{self, BufRead, IsTerminal},
    thread,
};

use synth::deploy::interrupt::Interrupt;
use tokio::sync::oneshot;

/// Whether the run may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    Declined,
    Interrupted,
    /// There is no terminal.
    CannotAsk,
}

/// Asks for the number of the account, so that a run does not begin in another one.
pub(super) async fn ask(account: &str, yes: bool, interrupt: &Interrupt) -> Consent {
    if yes {
        return Consent::Given;
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Consent::CannotAsk;
    }
    eprint!("To begin, type the number of the account [{account}/N] ");
    let (sender, answer) = oneshot::channel();
    // The answer is read in a thread of its own, so that Ctrl-C need not wait for it.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        sender.send(if read.is_ok() { line } else { String::new() })
    });
    tokio::select! {
        line = answer => if is_for(account, &line.unwrap_or_default()) { Consent::Given } else { Consent::Declined },
        _ = interrupt.pressed() => Consent::Interrupted,
    }
}

fn is_for(account: &str, line: &str) -> bool {
    line.trim() == account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_the_account_begins_a_run() {
        assert!(is_for("123456789012", " 123456789012\n"));
        for line in ["", "\n", "y\n", "yes\n", "210987654321\n", "12345678901\n"] {
            assert!(!is_for("123456789012", line), "{line:?}");
        }
    }
}
