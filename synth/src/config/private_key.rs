//! Private keys that somebody has pasted where a public one belongs: they are hidden before anything is said of the text.
//!
//! What people read of a wrong configuration shows its lines, and stands in terminals, logs and comments.

use std::{borrow::Cow, ops::Range};

/// The text with a star for each character of a private key, so that every place in it stays where it is.
pub(super) fn hidden(text: &str) -> Cow<'_, str> {
    // The same length: what is found here is there.
    let upper = text.to_ascii_uppercase();
    let mut hidden = ages(&upper);
    hidden.extend(pem(&upper, text));
    if hidden.is_empty() {
        return text.into();
    }
    hidden.sort_by_key(|range| range.start);
    let (mut out, mut end) = (String::new(), 0);
    for range in hidden {
        let start = range.start.max(end);
        if start < range.end {
            out += &text[end..start];
            out += &"*".repeat(range.end - start);
            end = range.end;
        }
    }
    (out + &text[end..]).into()
}

/// age's own: a word behind its kind.
fn ages(upper: &str) -> Vec<Range<usize>> {
    let marks = ["AGE-SECRET-KEY-", "AGE-PLUGIN-"].into_iter().flat_map(|mark| upper.match_indices(mark));
    let rest = marks.map(|(at, mark)| at + mark.len());
    rest.map(|start| start..start + length(&upper[start..], |b| b.is_ascii_alphanumeric() || b == b'-')).collect()
}

/// Base64 behind a line that says what it is, and OpenSSH's, which can be told by its beginning.
fn pem(upper: &str, text: &str) -> Vec<Range<usize>> {
    let begins = upper.match_indices("-----BEGIN ").filter_map(|(at, _)| {
        let line = upper[at..].lines().next()?;
        let mark = "PRIVATE KEY-----";
        Some(at + line.find(mark)? + mark.len())
    });
    let openssh = text.match_indices("b3BlbnNzaC1rZXktdjE").map(|(at, mark)| at + mark.len());
    let region = |start: usize| {
        // Without an end, what is short may be something else.
        let (end, least) = upper[start..].find("-----END").map_or((text.len(), 16), |length| (start + length, 1));
        let runs = base64(&text[start..end]).into_iter().filter(move |run| run.len() >= least);
        runs.map(move |run| start + run.start..start + run.end)
    };
    begins.chain(openssh).flat_map(region).collect()
}

/// Where a text is base64.
fn base64(text: &str) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), None);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if !(c.is_ascii_alphanumeric() || "+/=".contains(c)) {
            runs.extend(start.take().map(|start| start..at));
        } else if start.is_none() {
            // In quotes a line may end in `\n`: that `n` is none of it.
            start = Some(if text[..at].ends_with('\\') { at + 1 } else { at });
        }
    }
    runs
}

fn length(text: &str, is_part: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is_part(*byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What looks like a part of a key, made here.
    fn part() -> String {
        "QUJD".repeat(16) + "RA=="
    }

    #[test]
    fn a_private_key_is_hidden_wherever_it_stands_and_nothing_moves() {
        let (key, rest) = (part(), "users: [alice] # é\n");
        let pem = |kind: &str| format!("-----BEGIN {kind}PRIVATE KEY-----");
        let end = "-----END PRIVATE KEY-----\n";
        let upper = key.to_uppercase().replace('=', "");
        for text in [
            format!("encrypt_to: [AGE-SECRET-KEY-1{upper}]\n{rest}"),
            format!("# é\nencrypt_to: age-secret-key-pq-1{upper}, x"),
            format!("encrypt_to:\n  - AGE-PLUGIN-YUBIKEY-1{upper}"),
            format!("encrypt_to:\n  - |\n    {}\n    {key}\n    {key}\n    {end}{rest}", pem("OPENSSH ")),
            format!("encrypt_to: [\"{}\\n{key}\\n{key}\\n{end}\"]\n{rest}", pem("RSA ")),
            format!("encrypt_to: [\n{}\n{key}\n{key}\n{rest}", pem("")),
            format!("encrypt_to: b3BlbnNzaC1rZXktdjE{key}\n{key}\n{rest}"),
        ] {
            let shown = hidden(&text);
            assert_eq!(shown.len(), text.len(), "{shown}");
            assert!(!shown.contains("QUJDQUJD"), "{shown}");
            assert!(!text.ends_with(rest) || shown.ends_with(rest), "{shown}");
            assert_eq!(shown.lines().count(), text.lines().count(), "{shown}");
            assert!(shown.contains("encrypt_to:"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_private_key_is_shown() {
        let public = format!("encrypt_to: [ssh-rsa {} my private key, age1{}]", part(), part());
        assert_eq!(hidden(&public), public);
    }
}
