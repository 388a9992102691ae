//! Characters that a person cannot see, or takes for a space: web pages and word processors put them into copied text.

use crate::config::problem::Problem;

/// The first such character of each line, as a problem. Comments may have them.
pub(super) fn invisible_character_problems(text: &str) -> Vec<Problem> {
    let mut next_line = 0;
    let first_in_line = |line: &str| {
        let start = next_line;
        next_line += line.len();
        let content = match line.trim_start() {
            comment if comment.starts_with('#') => "",
            _ => line.split(" #").next().unwrap_or_default(),
        };
        // A byte order mark may begin the file.
        let mut characters = content.char_indices().filter(|(at, _)| start + at > 0);
        let (at, character, name) =
            characters.find_map(|(at, character)| Some((at, character, character_name(character)?)))?;
        let (code, at) = (u32::from(character), start + at);
        let (message, fix) = if character.is_whitespace() {
            (format!("this is not a space: it is the character U+{code:04X} ({name})"), "write a space instead")
        } else {
            (format!("the character U+{code:04X} ({name}) is here, which cannot be seen"), "remove it")
        };
        Some(Problem::new(text, at..at + character.len_utf8(), message).note(fix))
    };
    text.split_inclusive('\n').filter_map(first_in_line).collect()
}

/// The name of the character in Unicode, or of its kind. `None` if a person can see what it is.
const fn character_name(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => "typographic space",
        '\u{200b}' => "zero-width space",
        '\u{200c}' | '\u{200d}' => "zero-width joiner",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "text direction mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202f}' => "narrow no-break space",
        '\u{2060}'..='\u{2064}' => "word joiner",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "byte order mark",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_with_such_a_character_is_named_and_comments_may_have_them() {
        let text = "\u{feff}users:\n  # a\u{a0}comment\n  -\u{3000}alice # b\u{a0}c\nlanguage:\u{a0}en\u{a0}\nemails: [a\u{200b}@b.co]\n";
        let found: Vec<_> = invisible_character_problems(text)
            .iter()
            .map(|problem| (problem.place.line, problem.place.column, problem.message.clone()))
            .collect();
        let space = |code: &str| format!("this is not a space: it is the character {code}");
        assert_eq!(
            found,
            [
                (3, 4, space("U+3000 (ideographic space)")),
                (4, 10, space("U+00A0 (no-break space)")),
                (5, 11, "the character U+200B (zero-width space) is here, which cannot be seen".to_owned()),
            ]
        );
        assert_eq!(invisible_character_problems("users: [alice]\n# 日本\u{3000}\n"), []);
    }
}
