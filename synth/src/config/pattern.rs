//! Regular expressions for numbers, so that an editor knows the same limits as the reader.

/// Matches the whole numbers from `least` to `most`, without leading zeros.
pub(super) fn range(least: u64, most: u64) -> String {
    let all = by_digits(least, most).into_iter().map(|(_, numbers)| numbers);
    format!("(?:{})", all.collect::<Vec<_>>().join("|"))
}

/// Matches the same numbers with leading zeros too, up to as many digits as `most` has.
pub(super) fn padded(least: u32, most: u32) -> String {
    let all = by_digits(least.into(), most.into());
    let width = all.last().map_or(0, |(digits, _)| *digits);
    let padded = all.into_iter().map(|(digits, numbers)| match width - digits {
        0 => numbers,
        zeros => format!("0{{0,{zeros}}}{numbers}"),
    });
    format!("(?:{})", padded.collect::<Vec<_>>().join("|"))
}

/// One alternative for each number of digits.
fn by_digits(least: u64, most: u64) -> Vec<(usize, String)> {
    let mut alternatives = Vec::new();
    let mut low = least;
    while low <= most {
        let digits = low.to_string().len();
        let high = "9".repeat(digits).parse().map_or(most, |nines: u64| nines.min(most));
        alternatives.push((digits, same_length(&low.to_string(), &high.to_string())));
        let Some(next) = high.checked_add(1) else { break };
        low = next;
    }
    alternatives
}

fn same_length(low: &str, high: &str) -> String {
    let (first, last) = (low.as_bytes().first(), high.as_bytes().first());
    let (Some(&first), Some(&last)) = (first, last) else { return String::new() };
    let digit = |from: u8, to: u8| if from == to { char::from(from).into() } else { class(from, to) };
    let (low, high) = (&low[1..], &high[1..]);
    let rest = low.len();
    let (from_zero, to_nine) = (low.bytes().all(|b| b == b'0'), high.bytes().all(|b| b == b'9'));
    if from_zero && to_nine {
        return digit(first, last) + &any(rest);
    }
    if first == last {
        return digit(first, first) + &same_length(low, high);
    }
    let mut parts = Vec::new();
    let (mut from, mut to) = (first, last);
    if !from_zero {
        parts.push(digit(first, first) + &same_length(low, &"9".repeat(rest)));
        from += 1;
    }
    if !to_nine {
        to -= 1;
    }
    if from <= to {
        parts.push(digit(from, to) + &any(rest));
    }
    if !to_nine {
        parts.push(digit(last, last) + &same_length(&"0".repeat(rest), high));
    }
    format!("(?:{})", parts.join("|"))
}

fn class(from: u8, to: u8) -> String {
    format!("[{}-{}]", char::from(from), char::from(to))
}

fn any(digits: usize) -> String {
    match digits {
        0 => String::new(),
        1 => "[0-9]".into(),
        n => format!("[0-9]{{{n}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_people_would_write_them() {
        for (least, most, pattern) in [
            (0, 59, "(?:[0-9]|[1-5][0-9])"),
            (1, 31, "(?:[1-9]|(?:[1-2][0-9]|3[0-1]))"),
            (120, 900, "(?:(?:1(?:[2-9][0-9])|[2-8][0-9]{2}|900))"),
        ] {
            let written = range(least, most);
            // Whether it means the same is the schema test's business; this one keeps it readable.
            assert_eq!(written.replace("(?:", "").replace(')', ""), pattern.replace("(?:", "").replace(')', ""));
        }
    }
}
