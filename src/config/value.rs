//! Parses text as values: durations, numbers, sizes, words. Each error is the end of a sentence that says what to
//! write instead. Contains no keys.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::error::quoted;

/// Units of a size, largest first. Only powers of two, because `MB` is ambiguous.
const SIZE_UNITS: [(&str, usize); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// Units of a duration, largest first. At most days, because weeks and months are ambiguous or hard to compare.
const DURATION_UNITS: [(&str, u128); 7] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Nanoseconds in a second.
const SECOND: u128 = 1_000_000_000;

/// Maximum length of a name.
const MAX_NAME_CHARACTERS: usize = 64;

/// Parses a duration in humantime's format (`90s`, `1h 30m`), within the range.
pub(super) fn duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|_| {
        format!(
            "{} is not a duration; write it like 30s, 5m or 1h30m",
            quoted(text)
        )
    })?;
    let [least, most] = [range.start(), range.end()].map(|end| duration_text(*end));
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!(
            "{} is out of range; give {least} to {most}",
            quoted(text)
        ))
    }
}

/// A duration as an operator would write it: `400d`, `1h30m`.
pub(super) fn duration_text(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (name, unit) in DURATION_UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            text += &format!("{count}{name}");
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// Parses a number within the range.
pub(super) fn number<T>(text: &str, range: &RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!(
            "{} is not a number from {} to {}",
            quoted(text),
            range.start(),
            range.end()
        )
    })
}

/// Parses a size in bytes (`16MiB`, or plain bytes), within the range.
pub(super) fn bytes(text: &str, range: &RangeInclusive<usize>) -> Result<usize, String> {
    let (digits, unit) = SIZE_UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    let bytes = digits
        .trim_end()
        .parse()
        .ok()
        .and_then(|count: usize| count.checked_mul(unit));
    bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        let [least, most] = [range.start(), range.end()].map(|end| bytes_text(*end));
        format!(
            "{} is not a size from {least} to {most}; write it like 16MiB",
            quoted(text)
        )
    })
}

/// A size in the largest unit that represents it exactly.
pub(super) fn bytes_text(bytes: usize) -> String {
    let exact = SIZE_UNITS
        .iter()
        .find(|(_, unit)| bytes.is_multiple_of(*unit));
    exact.map_or_else(
        || bytes.to_string(),
        |(name, unit)| format!("{}{name}", bytes / unit),
    )
}

/// Parses a name that becomes a label value. The error does not repeat it, because it may be a secret that was meant
/// for another key.
pub(super) fn name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=MAX_NAME_CHARACTERS).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "is not a name; give 1 to {MAX_NAME_CHARACTERS} printable characters"
        ))
    }
}

/// Parses `true` or `false`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    word(text, &[("true", true), ("false", false)])
}

/// Parses one of a fixed set of words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (last, rest) = names.split_last().expect("a choice has words");
        format!(
            "{} is not known; give {} or {last}",
            quoted(text),
            rest.join(", ")
        )
    })
}

/// The word for a value, the inverse of [`word`].
pub(super) fn word_for<T: PartialEq>(value: &T, words: &[(&'static str, T)]) -> &'static str {
    let found = words.iter().find(|(_, known)| known == value);
    found
        .map(|(word, _)| *word)
        .expect("every value has its word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_a_range() {
        let range = Duration::from_secs(1)..=Duration::from_secs(3600);
        assert_eq!(duration("1m 30s", &range), Ok(Duration::from_secs(90)));
        assert_eq!(
            duration("5 parsecs", &range),
            Err("\"5 parsecs\" is not a duration; write it like 30s, 5m or 1h30m".to_owned())
        );
        assert_eq!(
            duration("500ms", &range),
            Err("\"500ms\" is out of range; give 1s to 1h".to_owned())
        );
        assert!(duration("5", &range).is_err() && duration("", &range).is_err());
    }

    #[test]
    fn durations_are_shown_as_they_would_be_written() {
        for (text, shown) in [
            ("400d", "400d"),
            ("1year", "365d6h"),
            ("24h", "1d"),
            ("90m", "1h30m"),
            ("1h 30m", "1h30m"),
            ("90s", "1m30s"),
            ("1500ms", "1s500ms"),
            ("1us 1ns", "1us1ns"),
            ("0s", "0s"),
        ] {
            let any = Duration::ZERO..=Duration::MAX;
            let duration = duration(text, &any).expect(text);
            assert_eq!(duration_text(duration), shown);
            assert_eq!(super::duration(shown, &any), Ok(duration), "{shown}");
        }
    }

    #[test]
    fn numbers_have_a_range() {
        assert_eq!(number("7", &(1..=9_u32)), Ok(7));
        for bad in ["0", "10", "-1", "1e3", "", " 7"] {
            let error = number(bad, &(1..=9_u32)).expect_err(bad);
            assert!(error.ends_with("is not a number from 1 to 9"), "{error}");
        }
        assert!(number("NaN", &(0.0..=1.0)).is_err());
    }

    #[test]
    fn sizes_are_read_and_shown() {
        let range = 1..=usize::MAX;
        assert_eq!(bytes("16MiB", &range), Ok(16 << 20));
        assert_eq!(bytes("16 KiB", &range), Ok(16 << 10));
        assert_eq!(bytes("42", &range), Ok(42));
        assert_eq!(
            (bytes_text(16 << 20), bytes_text(1025)),
            ("16MiB".into(), "1025B".into())
        );
        assert_eq!(
            bytes("16MB", &(1 << 10..=1 << 20)),
            Err("\"16MB\" is not a size from 1KiB to 1MiB; write it like 16MiB".to_owned())
        );
        assert!(bytes("99999999999999999999GiB", &range).is_err());
        assert!(bytes("99999999999GiB", &range).is_err());
    }

    #[test]
    fn words_are_one_of_a_few() {
        let words = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(word("b", &words), Ok(2));
        assert_eq!(
            word("d", &words),
            Err("\"d\" is not known; give a, b or c".to_owned())
        );
        assert_eq!(
            boolean("yes"),
            Err("\"yes\" is not known; give true or false".to_owned())
        );
        assert_eq!(word_for(&3, &words), "c");
    }
}
