//! Suggestions: what the author of a wrong value may have meant.

/// The nearest known word, if it is near enough: it differs in case and punctuation, or in few letters (a third at most).
pub(super) fn word<'w>(text: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let bare = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let wanted = bare(text);
    let slips = (wanted.chars().count() / 3).max(1);
    let distance = |word: &&str| strsim::damerau_levenshtein(&wanted, &bare(word));
    let near = known.into_iter().map(|word| (distance(&word), word)).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, word)| *distance <= slips && *distance < word.len()).map(|(_, word)| word)
}

/// Reads a number and a unit of time in other spellings, such as `60 days`, `60D` or `2 weeks`. The unit becomes d, h, m or s.
pub(super) fn time(text: &str) -> Option<(u64, Option<char>)> {
    let text = text.trim().to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let (days, unit) = match text[digits..].trim_matches([' ', '.', '_', '-']) {
        "" => return Some((number, None)),
        "d" | "day" | "days" => (1, 'd'),
        "w" | "wk" | "week" | "weeks" => (7, 'd'),
        "mo" | "month" | "months" => (30, 'd'),
        "y" | "yr" | "year" | "years" => (365, 'd'),
        "h" | "hr" | "hrs" | "hour" | "hours" => (1, 'h'),
        "m" | "min" | "mins" | "minute" | "minutes" => (1, 'm'),
        "s" | "sec" | "secs" | "second" | "seconds" => (1, 's'),
        _ => return None,
    };
    Some((number.checked_mul(days)?, Some(unit)))
}

/// The durations that such a time can mean. Without a unit there is one for each unit, the longest first.
pub(super) fn durations(text: &str) -> Vec<String> {
    match time(text) {
        None => Vec::new(),
        Some((number, Some(unit))) => vec![format!("{number}{unit}")],
        Some((number, None)) => ['d', 'h', 'm', 's'].map(|unit| format!("{number}{unit}")).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        let known = ["wait", "retire", "secrets-manager", "email", "en", "ja"];
        for (text, near) in [
            ("wiat", Some("wait")),
            ("Retire", Some("retire")),
            ("emial", Some("email")),
            ("mail", Some("email")),
            ("secretsmanager", Some("secrets-manager")),
            ("Secrets_Manager", Some("secrets-manager")),
            ("jp", Some("ja")),
            ("fax", None),
            ("maybe", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(word(text, known), near, "{text}");
        }
    }

    #[test]
    fn times_as_people_write_them() {
        for (text, durations_) in [
            ("60 days", &["60d"][..]),
            ("60D", &["60d"]),
            ("2 weeks", &["14d"]),
            ("1 Hr.", &["1h"]),
            ("60", &["60d", "60h", "60m", "60s"]),
            ("soon", &[]),
            ("99999999999999999999 days", &[]),
            ("9999999999999999999 years", &[]),
        ] {
            assert_eq!(durations(text), durations_, "{text}");
        }
    }
}
