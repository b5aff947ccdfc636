//! Reading Meta's JSON the way it comes: numbers as text, lists as single objects, null for absent.
//!
//! An [`Object`] answers typed questions about its keys. What it cannot read it reports as an
//! [`ParseWarning`] and treats as absent; what is absent or null is simply absent.

mod read;
mod repair;
mod size;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

pub use read::{read, read_text};
pub(super) use repair::{Defect, Repairs, repaired};
pub(super) use size::has_more_values_than;

use super::{ParseWarning, ParseWarnings};
use crate::domain::{MessagingLimit, Timestamp, Word};

/// Longest name or other static text kept; Meta's verified names and template names fit well inside.
const MAX_TEXT: usize = 512;

/// From here on a number is milliseconds, not seconds (year 5138 against 1973).
const MILLIS_FROM: i64 = 100_000_000_000;

/// One JSON object of Meta's, by the noun under which its warnings are counted.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    noun: &'static str,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// The object in `value`, if it is one.
    #[must_use]
    pub fn new(noun: &'static str, value: &'a Value) -> Option<Self> {
        value.as_object().map(|map| Self { noun, map })
    }

    /// A node of the Graph API: an object, or reported by the id it should have had.
    pub fn node(noun: &'static str, value: &'a Value, odd: &mut ParseWarnings) -> Option<Self> {
        Self::new(noun, value).or_else(|| {
            odd.push(ParseWarning::Malformed { noun, key: "id" });
            None
        })
    }

    /// Whether `key` has a value other than null.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value under `key`, null counting as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Goes on only if there is something under `key`; its absence is reported. For keys without
    /// which the object says nothing.
    pub fn needs(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<()> {
        let found = self.get(key).filter(|value| value.as_str() != Some(""));
        found.map(drop).or_else(|| self.malformed(key, odd))
    }

    /// An enum word; an unknown one is reported and read as `OTHER`.
    pub fn word<T: Word>(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<T> {
        self.word_in(self.get(key)?, key, odd)
    }

    /// An enum word, or the last of a list of them: where Meta sends a history for a state.
    pub fn last_word<T: Word>(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<T> {
        let value = self.get(key)?;
        let last = value.as_array().map_or(Some(value), |list| list.last())?;
        self.word_in(last, key, odd)
    }

    fn word_in<T: Word>(
        &self,
        value: &Value,
        key: &'static str,
        odd: &mut ParseWarnings,
    ) -> Option<T> {
        let text = text_or_number(value).or_else(|| self.malformed(key, odd))?;
        if text.is_empty() {
            return None;
        }
        let word = T::parse(&text);
        // `OTHER` is a word of ours; should Meta ever send it, it is as unknown as any.
        if word.is_other() {
            odd.push(ParseWarning::unknown(self.noun, key, &text));
        }
        Some(word)
    }

    /// Static text, cut to a bounded length; a number is taken as its digits.
    pub fn text(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<String> {
        let mut text = text_or_number(self.get(key)?).or_else(|| self.malformed(key, odd))?;
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
        }
        Some(text)
    }

    /// An id or anything else that `parse` makes of text or a number.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        odd: &mut ParseWarnings,
    ) -> Option<T> {
        let text = text_or_number(self.get(key)?);
        text.and_then(|text| parse(&text))
            .or_else(|| self.malformed(key, odd))
    }

    /// A count: a number or numeric text.
    pub fn count(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<u64> {
        self.parsed(key, |text| text.parse().ok(), odd)
    }

    /// A messaging limit in any of its spellings.
    pub fn limit(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<MessagingLimit> {
        let text = text_or_number(self.get(key)?).or_else(|| self.malformed(key, odd))?;
        MessagingLimit::parse(&text).unwrap_or_else(|_| {
            odd.push(ParseWarning::unknown(self.noun, key, &text));
            None
        })
    }

    /// A moment: Unix seconds as number or text, ISO text with `+0000`, or a date in prose.
    pub fn time(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<Timestamp> {
        self.parsed(key, moment, odd)
    }

    /// The object under `key`, or the first of a list there.
    pub fn object(
        &self,
        key: &'static str,
        noun: &'static str,
        odd: &mut ParseWarnings,
    ) -> Option<Object<'a>> {
        let value = self.get(key)?;
        let value = value.as_array().map_or(Some(value), |list| list.first())?;
        Self::new(noun, value).or_else(|| self.malformed(key, odd))
    }

    /// The objects under `key`: a list, or a single one. Elements that are no object are reported.
    pub fn objects(
        &self,
        key: &'static str,
        noun: &'static str,
        odd: &mut ParseWarnings,
    ) -> Vec<Object<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let single = std::slice::from_ref(value);
        let list = value.as_array().map_or(single, Vec::as_slice);
        let objects = list
            .iter()
            .filter_map(|element| match Self::new(noun, element) {
                Some(object) => Some(object),
                None => self.malformed(key, odd),
            });
        objects.collect()
    }

    fn malformed<T>(&self, key: &'static str, odd: &mut ParseWarnings) -> Option<T> {
        odd.push(ParseWarning::Malformed {
            noun: self.noun,
            key,
        });
        None
    }
}

/// The text of a string or an integer; Meta mixes the two for ids, times and limits.
#[must_use]
pub fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        // Never through a float: template ids have more digits than an f64 keeps.
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A moment in any of Meta's spellings: Unix seconds or milliseconds, ISO text, a date in prose.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        let in_millis = number.unsigned_abs() >= MILLIS_FROM.unsigned_abs();
        return Some(if in_millis {
            Timestamp::from_millis(number)
        } else {
            Timestamp::from_seconds(number)
        });
    }
    let instant = jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text)
        .or_else(|_| text.parse::<jiff::Timestamp>())
        .or_else(|_| day_in_prose(text));
    instant
        .ok()
        .map(|instant| Timestamp::from_millis(instant.as_millisecond()))
}

/// `April 17, 2026`, as midnight UTC: Meta gives no time with it.
fn day_in_prose(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    let day = Date::strptime("%B %d, %Y", text)?;
    Ok(DateTime::from(day).to_zoned(TimeZone::UTC)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::QualityRating;
    use serde_json::json;

    #[test]
    fn every_way_to_write_a_moment() {
        for value in [
            json!(1_776_348_000),
            json!("1776348000"),
            json!("2026-04-16T14:00:00+0000"),
            json!("2026-04-16T14:00:00Z"),
            json!(1_776_348_000_000_i64),
        ] {
            let outer = json!({ "at": value });
            let object = Object::new("thing", &outer).expect("an object");
            let mut odd = ParseWarnings::new();
            assert_eq!(
                object.time("at", &mut odd),
                Some(Timestamp::from_seconds(1_776_348_000)),
                "{value}"
            );
            assert!(odd.is_empty());
        }
        assert_eq!(
            moment("April 17, 2026"),
            Some(Timestamp::from_seconds(1_776_384_000))
        );
        assert_eq!(moment("next Tuesday"), None);
    }

    #[test]
    fn ids_keep_every_digit() {
        let outer = json!({ "number": 7_001_002_003_004_005_u64, "text": "7001002003004005", "float": 1.5 });
        let object = Object::new("thing", &outer).expect("an object");
        let mut odd = ParseWarnings::new();
        assert_eq!(
            object.text("number", &mut odd),
            object.text("text", &mut odd)
        );
        assert_eq!(object.text("float", &mut odd), None);
        assert_eq!(
            odd,
            [ParseWarning::Malformed {
                noun: "thing",
                key: "float"
            }]
        );
    }

    #[test]
    fn a_needed_key_is_missed_and_the_last_word_of_a_list_counts() {
        let outer = json!({ "empty": "", "one": "RED", "many": ["GREEN", "RED"], "none": [] });
        let object = Object::new("thing", &outer).expect("an object");
        let mut odd = ParseWarnings::new();
        assert_eq!(object.needs("one", &mut odd), Some(()));
        for key in ["one", "many"] {
            assert_eq!(object.last_word(key, &mut odd), Some(QualityRating::Red));
        }
        assert_eq!(object.last_word::<QualityRating>("none", &mut odd), None);
        assert!(odd.is_empty());
        for key in ["empty", "absent"] {
            assert_eq!(object.needs(key, &mut odd), None);
        }
        assert_eq!(odd.len(), 2);
    }

    #[test]
    fn null_and_absent_are_the_same_and_odd_values_are_told() {
        let outer =
            json!({ "nothing": null, "word": "PURPLE", "list": {"a": 1}, "personal": "+1 555" });
        let object = Object::new("thing", &outer).expect("an object");
        let mut odd = ParseWarnings::new();
        assert_eq!(object.word::<QualityRating>("nothing", &mut odd), None);
        assert_eq!(object.word::<QualityRating>("absent", &mut odd), None);
        assert!(odd.is_empty());
        assert_eq!(object.word("word", &mut odd), Some(QualityRating::Other));
        assert_eq!(object.objects("list", "inner", &mut odd).len(), 1);
        assert_eq!(
            object.word("personal", &mut odd),
            Some(QualityRating::Other)
        );
        let words: Vec<_> = odd
            .iter()
            .map(|parse_warning| match parse_warning {
                ParseWarning::UnknownValue { word, .. } => word.as_deref(),
                ParseWarning::Malformed { .. } | ParseWarning::Unreadable { .. } => {
                    Some("malformed")
                }
            })
            .collect();
        assert_eq!(words, [Some("PURPLE"), None]);
    }
}
