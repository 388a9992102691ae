//! Lines of text for a terminal: safe characters, and a width that fits on a screen.

/// The width of the text of a command, in characters. Commands and ARNs, which people copy, may be wider.
pub const WIDTH: usize = 100;

/// How much a text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// What a person needs for a decision, on one screen.
    Brief,
    /// Everything.
    Full,
}

/// The text with every character escaped that is not printable, because it could control the terminal or deceive the
/// reader.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_plain =
        |c: char| matches!(c, ' '..='~') || (c.is_alphanumeric() && !c.is_control()) || "…→—–’“”、。".contains(c);
    text.chars().fold(String::new(), |out, c| {
        if is_plain(c) { out + c.encode_utf8(&mut [0; 4]) } else { out + &c.escape_default().to_string() }
    })
}

/// The text as lines of at most [`WIDTH`] characters, which break at spaces. `first` comes before the first line, and as
/// many spaces before the others. A word that is too long stays whole, so that people can copy it.
#[must_use]
pub fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let (mut out, mut column) = (first.to_owned(), indent);
    for (number, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if number > 0 && column > indent && column + 1 + width > WIDTH {
            out += &format!("\n{:indent$}", "");
            column = indent;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += width;
    }
    out.push('\n');
    out
}

/// A number with its noun: `1 user`, `3 users`.
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The first items, and how many more there are: `a, b and 3 more`.
#[must_use]
pub fn shortened(items: &[String], most: usize) -> String {
    match items {
        [one] => one.clone(),
        [first @ .., last] if items.len() <= most => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", items[..most].join(", "), items.len() - most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        let (long, words) = ("x".repeat(120), "word ".repeat(40));
        let text = format!("{words}{long} end");
        let shown = wrapped("  ! ", &text);
        let (fits, too_long): (Vec<_>, Vec<_>) = shown.lines().partition(|line| line.chars().count() <= WIDTH);
        assert_eq!(too_long, [format!("    {long}")]);
        assert!(fits[0].starts_with("  ! word") && fits[1].starts_with("    word"), "{shown}");
        assert_eq!(shown.split_whitespace().skip(1).collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(wrapped("a ", "b"), "a b\n");
    }

    #[test]
    fn what_could_control_the_terminal_is_escaped() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{202e}c é 鍵"), "a\\u{1b}[31m\\nb\\u{202e}c é 鍵");
    }

    #[test]
    fn long_lists_are_shortened() {
        let items = |n: usize| (1..=n).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(shortened(&items(1), 3), "1");
        assert_eq!(shortened(&items(3), 3), "1, 2 and 3");
        assert_eq!(shortened(&items(5), 3), "1, 2, 3 and 2 more");
        assert_eq!((counted(1, "user"), counted(2, "user")), ("1 user".to_owned(), "2 users".to_owned()));
    }
}
