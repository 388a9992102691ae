//! What the texts for people share: counts with their nouns, shortened ids and lists, safe characters, and lines that fit
//! the screen.

/// The number of columns that a line has at most. Only commands and ARNs may be longer, because they are copied.
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

/// A number with its noun: `1 user`, `2 users`, `2 addresses`.
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    match (number, noun.ends_with('s')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}es"),
        (_, false) => format!("{number} {noun}s"),
    }
}

/// The start and the end of the id of a key. They are enough to find the key, and a screenshot does not show the whole id.
#[must_use]
pub fn short_id(id: &str) -> String {
    match (id.get(..6), id.len().checked_sub(4).and_then(|at| id.get(at..))) {
        (Some(start), Some(end)) if id.len() > 11 => format!("{start}…{end}"),
        _ => id.to_owned(),
    }
}

/// The first items, separated by commas, and the number of the others: `a, b and 3 more`, or `a, b, c`.
#[must_use]
pub fn few(items: &[String], most: usize) -> String {
    match items.len().saturating_sub(most) {
        0 => items.join(", "),
        more => format!("{} and {more} more", items[..most].join(", ")),
    }
}

/// The same as part of a sentence: `a, b and 3 more`, or `a, b and c`.
#[must_use]
pub fn shortened(items: &[String], most: usize) -> String {
    match items {
        [one] => one.clone(),
        [first @ .., last] if items.len() <= most => format!("{} and {last}", first.join(", ")),
        _ => few(items, most),
    }
}

/// The text in lines of at most [`WIDTH`] columns. The first line begins with `first`, the others with as many spaces.
#[must_use]
pub fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let (mut out, mut column) = (first.to_owned(), indent);
    for (at, word) in text.split_whitespace().enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_plural() {
        assert_eq!([counted(0, "user"), counted(1, "user"), counted(2, "user")], ["0 users", "1 user", "2 users"]);
        assert_eq!([counted(1, "address"), counted(2, "address")], ["1 address", "2 addresses"]);
    }

    #[test]
    fn a_long_text_is_wrapped_and_a_long_word_is_not() {
        let text = wrapped("! ", &format!("{} {} end", "word ".repeat(30), "x".repeat(120)));
        let widths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
        assert!(widths[0] <= WIDTH && widths[1] <= WIDTH && widths[2] == 122, "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("  ")) && text.ends_with("  end\n"), "{text}");
        assert_eq!(wrapped("- ", ""), "- \n");
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
    }
}
