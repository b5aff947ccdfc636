//! Reads Meta's JSON leniently: numbers as text, lists as single objects, null as absent.
//!
//! A [`MetaObject`] has typed accessors for its keys. They report an unreadable value as a [`ParseWarning`] and treat
//! it as absent. A null value is absent without a warning.

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

/// Maximum length of a name or other static text; Meta's verified names and template names are far shorter.
const MAX_TEXT: usize = 512;

/// Numbers from here on are milliseconds, not seconds (as seconds, this is the year 5138; as milliseconds, 1973).
const MILLIS_FROM: i64 = 100_000_000_000;

/// A JSON object from Meta, with the noun under which its warnings are counted.
#[derive(Clone, Copy, Debug)]
pub struct MetaObject<'a> {
    noun: &'static str,
    map: &'a Map<String, Value>,
}

impl<'a> MetaObject<'a> {
    /// The object in `value`. `None` if it is not an object.
    #[must_use]
    pub fn new(noun: &'static str, value: &'a Value) -> Option<Self> {
        value.as_object().map(|map| Self { noun, map })
    }

    /// A node of the Graph API. Reports anything but an object, under the key `id`.
    pub fn node(
        noun: &'static str,
        value: &'a Value,
        warnings: &mut ParseWarnings,
    ) -> Option<Self> {
        Self::new(noun, value).or_else(|| {
            warnings.push(ParseWarning::Malformed { noun, key: "id" });
            None
        })
    }

    /// Whether `key` has a value other than null.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of `key`; null counts as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Returns `None` and reports the key if it is absent. For keys without which the object is useless.
    pub fn require(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<()> {
        let found = self.get(key).filter(|value| value.as_str() != Some(""));
        found.map(drop).or_else(|| self.malformed(key, warnings))
    }

    /// An enum word. An unknown one is reported and read as `OTHER`.
    pub fn word<T: Word>(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<T> {
        self.word_in(self.get(key)?, key, warnings)
    }

    /// An enum word, or the last of a list of them, because Meta sometimes sends a history instead of a state.
    pub fn last_word<T: Word>(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<T> {
        let value = self.get(key)?;
        let last = value.as_array().map_or(Some(value), |list| list.last())?;
        self.word_in(last, key, warnings)
    }

    fn word_in<T: Word>(
        &self,
        value: &Value,
        key: &'static str,
        warnings: &mut ParseWarnings,
    ) -> Option<T> {
        let text = text_or_number(value).or_else(|| self.malformed(key, warnings))?;
        if text.is_empty() {
            return None;
        }
        let word = T::parse(&text);
        // `OTHER` is this program's own word; if Meta sends it, it counts as unknown.
        if word.is_other() {
            warnings.push(ParseWarning::unknown(self.noun, key, &text));
        }
        Some(word)
    }

    /// Static text, truncated to a bounded length; a number is read as its digits.
    pub fn text(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<String> {
        let text = text_or_number(self.get(key)?).or_else(|| self.malformed(key, warnings))?;
        Some(truncated(text))
    }

    /// The texts of `key`: a list, or a single one. Empty texts are skipped.
    pub fn texts(&self, key: &'static str, warnings: &mut ParseWarnings) -> Vec<String> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let single = std::slice::from_ref(value);
        let list = value.as_array().map_or(single, Vec::as_slice);
        let texts = list.iter().filter(|element| !element.is_null());
        let texts = texts.filter_map(|element| {
            let text = text_or_number(element).or_else(|| self.malformed(key, warnings));
            text.map(truncated).filter(|text| !text.is_empty())
        });
        texts.collect()
    }

    /// `true` or `false`, or one of them as text or as 1 or 0.
    pub fn flag(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            _ => self.parsed(key, flag, warnings),
        }
    }

    /// An id or another value that `parse` makes of text or a number.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        warnings: &mut ParseWarnings,
    ) -> Option<T> {
        let text = text_or_number(self.get(key)?);
        text.and_then(|text| parse(&text))
            .or_else(|| self.malformed(key, warnings))
    }

    /// A count: a number or numeric text.
    pub fn count(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<u64> {
        self.parsed(key, |text| text.parse().ok(), warnings)
    }

    /// A messaging limit in any of its spellings.
    pub fn limit(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<MessagingLimit> {
        let text = text_or_number(self.get(key)?).or_else(|| self.malformed(key, warnings))?;
        MessagingLimit::parse(&text).unwrap_or_else(|_| {
            warnings.push(ParseWarning::unknown(self.noun, key, &text));
            None
        })
    }

    /// A time: Unix seconds as number or text, ISO text with `+0000`, or a date in prose.
    pub fn time(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<Timestamp> {
        self.parsed(key, moment, warnings)
    }

    /// The object of `key`, or the first one of a list.
    pub fn object(
        &self,
        key: &'static str,
        noun: &'static str,
        warnings: &mut ParseWarnings,
    ) -> Option<MetaObject<'a>> {
        let value = self.get(key)?;
        let value = value.as_array().map_or(Some(value), |list| list.first())?;
        Self::new(noun, value).or_else(|| self.malformed(key, warnings))
    }

    /// The objects of `key`: a list, or a single one. Elements that are not objects are reported.
    pub fn objects(
        &self,
        key: &'static str,
        noun: &'static str,
        warnings: &mut ParseWarnings,
    ) -> Vec<MetaObject<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let single = std::slice::from_ref(value);
        let list = value.as_array().map_or(single, Vec::as_slice);
        let objects = list
            .iter()
            .filter_map(|element| match Self::new(noun, element) {
                Some(object) => Some(object),
                None => self.malformed(key, warnings),
            });
        objects.collect()
    }

    fn malformed<T>(&self, key: &'static str, warnings: &mut ParseWarnings) -> Option<T> {
        warnings.push(ParseWarning::Malformed {
            noun: self.noun,
            key,
        });
        None
    }
}

fn truncated(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
    }
    text
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The text of a string or an integer; Meta mixes the two for ids, times and limits.
#[must_use]
pub fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        // Not through a float: template ids have more digits than an f64 can represent.
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A time in any of Meta's formats: Unix seconds or milliseconds, ISO text, a date in prose.
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

/// A date such as `April 17, 2026`, as midnight UTC, because Meta gives no time with it.
fn day_in_prose(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    let day = Date::strptime("%B %d, %Y", text)?;
    Ok(DateTime::from(day).to_zoned(TimeZone::UTC)?.timestamp())
}

#[cfg(test)]
mod tests;
