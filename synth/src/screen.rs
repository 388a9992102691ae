//! What the texts for people share: counts with their nouns, shortened ids and lists, safe characters, tables, and lines
//! that fit the screen.

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

/// The names of each text, in the order of the texts. A text that several names share is there once.
#[must_use]
pub fn grouped(items: impl IntoIterator<Item = (String, String)>) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (text, name) in items {
        match groups.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(name),
            None => groups.push((text, vec![name])),
        }
    }
    groups
}

/// The text in lines of at most [`WIDTH`] columns. The first line begins with `first`, the others with as many spaces. A
/// command in backticks is not broken.
#[must_use]
pub fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let (mut out, mut column) = (first.to_owned(), indent);
    for (at, word) in words(text).into_iter().enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += width;
    }
    out.push('\n');
    out
}

/// The words of a text. What stands between two backticks is one word.
fn words(text: &str) -> Vec<String> {
    let backticks = |text: &str| text.matches('`').count();
    let is_balanced = backticks(text).is_multiple_of(2);
    let mut words: Vec<String> = Vec::new();
    let mut is_inside = false;
    for word in text.split_whitespace() {
        match words.last_mut().filter(|_| is_inside) {
            Some(last) => *last += &format!(" {word}"),
            None => words.push(word.to_owned()),
        }
        is_inside ^= is_balanced && !backticks(word).is_multiple_of(2);
    }
    words
}

/// What a line with a command begins with.
pub const COMMAND: &str = "    ";

/// A text of several lines, in lines of at most [`WIDTH`] columns with the same indentation. A line that begins with
/// [`COMMAND`] stays as it is. A command after a colon gets a line of its own.
#[must_use]
pub fn prose(text: &str) -> String {
    let line = |line: &str| {
        let (width, text) = (line.chars().count(), line.trim_start());
        if line.starts_with(COMMAND) || width <= WIDTH && command_in(line).is_none() {
            return format!("{line}\n");
        }
        sentences(&line[..line.len() - text.len()], text)
    };
    text.lines().map(line).collect()
}

/// The text as [`wrapped`] writes it, with each command after a colon on a line of its own.
#[must_use]
pub fn sentences(first: &str, text: &str) -> String {
    let Some((before, command, after)) = command_in(text) else { return wrapped(first, text) };
    let mut out = format!("{}{COMMAND}{command}\n", wrapped(first, before));
    if !after.is_empty() {
        out += &sentences(&" ".repeat(first.chars().count()), after);
    }
    out
}

/// The first command after a colon, with the text before it and after it. A semicolon ends a command.
fn command_in(text: &str) -> Option<(&str, &str, &str)> {
    let at = ["make ", "aws ", "synth "].iter().filter_map(|program| text.find(&format!(": {program}"))).min()? + 1;
    let rest = text[at..].trim_start();
    let (command, after) = rest.split_once("; ").unwrap_or((rest, ""));
    Some((&text[..at], command, after))
}

/// The widest cell of a first column that has the other cells on its line.
const FIRST_COLUMN: usize = 26;

/// A table. Two spaces separate the columns, and all but the last are as wide as their widest cell. The last cell is wrapped.
/// A first cell that is too wide has a line of its own. Only an ARN or a URL can make a line wider than [`WIDTH`]: other words
/// are cut. A cell that could control the terminal is escaped.
#[must_use]
pub fn table<const N: usize, T: AsRef<str>>(rows: &[[T; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| std::array::from_fn(|column| printable(row[column].as_ref()))).collect();
    let width = |cell: &String| cell.chars().count();
    let is_alone = |row: &[String; N]| width(&row[0]) > FIRST_COLUMN && row[1..].iter().any(|cell| !cell.is_empty());
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().filter(|row| column > 0 || !is_alone(row));
        cells.map(|row| width(&row[column])).max().unwrap_or_default()
    });
    let room = WIDTH.saturating_sub(widths[..N - 1].iter().map(|width| width + 2).sum());
    let mut out = String::new();
    for row in &rows {
        let mut cells: Vec<_> = row.iter().map(String::as_str).collect();
        if is_alone(row) {
            out += &format!("{}\n", cut(cells[0], WIDTH));
            cells[0] = "";
        }
        let padded = cells.iter().zip(&widths[..N - 1]).map(|(cell, width)| format!("{cell:width$}  "));
        let first = padded.collect::<Vec<_>>().concat();
        let last = cells[N - 1].split_whitespace().map(|word| cut(word, room)).collect::<Vec<_>>().join(" ");
        for line in wrapped(&first, &last).lines() {
            out += &format!("{}\n", line.trim_end());
        }
    }
    out
}

/// The text, cut to this number of columns. An ARN or a URL is not cut, because it is copied.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns || text.contains("arn:") || text.contains("://") {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
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
    fn a_command_is_not_broken() {
        let text = prose(&format!(
            "{}\n  {} `synth deploy-policy --region eu-west-1` end\n    make {}",
            "a ".repeat(60),
            "b ".repeat(40),
            "x ".repeat(60)
        ));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[..4].iter().all(|line| line.chars().count() <= WIDTH) && lines.len() == 5, "{text}");
        assert!(
            lines[2].starts_with("  b b") && lines[3] == "  `synth deploy-policy --region eu-west-1` end",
            "{text}"
        );
        assert!(lines[4].starts_with("    make x x") && lines[4].len() > WIDTH, "{text}");
        assert_eq!(prose("a lone ` sign\n\nend"), "a lone ` sign\n\nend\n");
    }

    #[test]
    fn a_command_after_a_colon_has_a_line_of_its_own() {
        let text = sentences("! ", "bob: no key; to give it one, run: make rotate USERS=bob; then wait, or: aws iam x");
        assert_eq!(
            text,
            "! bob: no key; to give it one, run:\n    make rotate USERS=bob\n  then wait, or:\n    aws iam x\n"
        );
        assert_eq!(prose("error: no: make run\nsee: above"), "error: no:\n    make run\nsee: above\n");
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(table(&[["a", "bcd", "e f"], ["gä", "", "h"]]), "a   bcd  e f\ngä       h\n");
        assert_eq!(table::<2, &str>(&[]), "");
    }

    #[test]
    fn a_wide_name_has_its_own_line_and_the_last_cell_is_wrapped() {
        let (name, arn) = ("n".repeat(64), format!("arn:{}", "x".repeat(120)));
        let text = table(&[
            ["USER", "STATE", "WHY"],
            ["alice", "active", &"word ".repeat(30)],
            [&name, "active", &"o".repeat(99)],
            ["\u{1b}[31m", "", &arn],
        ]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "USER        STATE   WHY");
        assert!(lines[2].starts_with("                    word") && lines[3] == name, "{text}");
        assert!(lines[4].starts_with("            active  ooo") && lines[4].ends_with('…'), "{text}");
        let wide: Vec<_> = lines.iter().filter(|line| line.chars().count() > WIDTH).collect();
        assert!(wide.len() == 1 && wide[0].starts_with("\\u{1b}[31m") && wide[0].ends_with(&arn), "{text}");
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
