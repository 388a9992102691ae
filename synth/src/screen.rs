//! What the texts for people share: counts with their nouns, shortened ids, and lines that fit the screen.

/// The number of columns that a line has at most. Only commands and ARNs may be longer, because they are copied.
pub const WIDTH: usize = 100;

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
}
