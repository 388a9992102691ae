//! Points in time and lengths of time, in whole seconds.

use std::{
    fmt,
    ops::Add,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::model::parse_error::ParseError;

/// A point in time: seconds since 1970-01-01 00:00 UTC. IAM's own times are whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The first and the last second of the years that the text form can hold, 0 to 9999.
const EARLIEST: i64 = -62_167_219_200; // 0000-01-01T00:00:00Z
const LATEST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z

impl Timestamp {
    /// The time now, by this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    /// Converts seconds since 1970-01-01 00:00 UTC. A time outside the years 0 to 9999 becomes the nearest one inside.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(if seconds < EARLIEST {
            EARLIEST
        } else if seconds > LATEST {
            LATEST
        } else {
            seconds
        })
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The moment `span` before this one.
    #[must_use]
    pub fn before(self, span: Span) -> Self {
        Self::from_unix(self.0.saturating_sub_unsigned(span.0))
    }

    fn civil(self) -> OffsetDateTime {
        // The value is in range by construction. The fallback only keeps this function total.
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The day in UTC, in the form for people: `2026-11-24`. It is for tables and subjects; a sentence has
    /// [`Self::to_minute`].
    #[must_use]
    pub fn to_day(self) -> String {
        let t = self.civil();
        format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
    }

    /// The time in the form for people, without seconds: `2026-11-24 03:16 UTC`.
    #[must_use]
    pub fn to_minute(self) -> String {
        let t = self.civil();
        format!("{} {:02}:{:02} UTC", self.to_day(), t.hour(), t.minute())
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self::from_unix(self.0.saturating_add_unsigned(span.0))
    }
}

/// RFC 3339 in UTC: `2026-11-24T03:16:40Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.civil();
        let (month, day) = (u8::from(t.month()), t.day());
        let (hour, minute, second) = t.to_hms();
        write!(f, "{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", t.year())
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|t| Self::from_unix(t.unix_timestamp()))
            .map_err(|_| ParseError::new(text, "a time", "RFC 3339, such as 2026-11-24T03:16:40Z"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A length of time in whole seconds, at most ten years. Written with one unit: `90d`, `12h`, `30m`, `45s` or `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span that can be written: ten years. It is also the longest time that CloudWatch Logs keeps a log.
    pub const MAX: Self = Self::days(3_653);

    /// A span of so many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(n)
    }

    /// A span of so many minutes.
    #[must_use]
    pub const fn minutes(n: u64) -> Self {
        Self(n * 60)
    }

    /// A span of so many days of 24 hours.
    #[must_use]
    pub const fn days(n: u64) -> Self {
        Self(n * 86_400)
    }

    /// This span minus `other`; zero if `other` is longer.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The length in seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// The length in whole days, rounded down.
    #[must_use]
    pub const fn whole_days(self) -> u64 {
        self.0 / 86_400
    }

    /// The same length in the type that the standard library's timers take.
    #[must_use]
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0)
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let (unit, seconds) =
            UNITS.into_iter().find(|(_, seconds)| self.0.is_multiple_of(*seconds)).unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

impl FromStr for Span {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            if text == "0" {
                return Some(Self::ZERO);
            }
            let unit = text.chars().last()?;
            let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            let number = &text[..text.len() - unit.len_utf8()];
            // `parse` would accept a sign.
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let total = digits.then(|| number.parse::<u64>().ok())??.checked_mul(seconds)?;
            (total <= Self::MAX.0).then_some(Self(total))
        };
        parse().ok_or_else(|| {
            ParseError::new(
                text,
                "a duration",
                "a whole number with d, h, m or s, such as 90d or 12h, at most 3653d; or 0",
            )
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_what_they_print_in_the_largest_exact_unit() {
        for (text, seconds, printed) in [
            ("0", 0, "0"),
            ("0d", 0, "0"),
            ("45s", 45, "45s"),
            ("1m", 60, "1m"),
            ("90m", 5_400, "90m"),
            ("24h", 86_400, "1d"),
            ("36h", 129_600, "36h"),
            ("3653d", 315_619_200, "3653d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.as_seconds(), span.to_string().as_str()), (seconds, printed), "{text}");
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        for bad in ["", "d", "5", "-1d", "+1d", "1.5d", "1 d", "1w", "3654d", "99999999999999999999d", "5日", "٣d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn timestamps_read_back_what_they_print() {
        let t = Timestamp::from_unix(1_795_490_200);
        assert_eq!(t.to_string(), "2026-11-24T03:16:40Z");
        assert_eq!(t.to_minute(), "2026-11-24 03:16 UTC");
        for seconds in [0, -1, 1_795_490_200, i64::MAX, i64::MIN] {
            let t = Timestamp::from_unix(seconds);
            assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t, "{seconds}");
        }
        assert_eq!("2026-11-24T12:16:40+09:00".parse::<Timestamp>().unwrap(), t);
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn arithmetic_never_wraps() {
        let (a, b) = (Timestamp::from_unix(10), Timestamp::from_unix(70));
        assert_eq!((b.since(a), a.since(b)), (Span::minutes(1), Span::ZERO));
        assert_eq!((a + Span::minutes(1), b.before(Span::minutes(1))), (b, a));
        assert_eq!(Timestamp::from_unix(i64::MAX) + Span::MAX, Timestamp::from_unix(i64::MAX));
    }
}
