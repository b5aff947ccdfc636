//! Parse warnings about unknown or unreadable values: counted by field, logged once, never a reason to drop other
//! values.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::json::{Defect, Repairs};
use crate::telemetry::Telemetry;

/// One unknown or unreadable value. Noun and key are constants of this program, so the label `noun.key` is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseWarning {
    /// A word that this version does not know.
    UnknownValue {
        /// Kind of object, such as `phone_number`.
        noun: &'static str,
        /// The key of the object.
        key: &'static str,
        /// The word, if it looks like one of Meta's; never free text.
        word: Option<String>,
    },
    /// A value of an unexpected type or format.
    Malformed {
        /// Kind of object, such as `phone_number`.
        noun: &'static str,
        /// The key of the object.
        key: &'static str,
    },
    /// Values that the JSON parser rejects, replaced so that the rest of the text is readable.
    Unreadable {
        /// Source of the text: a webhook field, an endpoint, or `webhook` for a whole delivery.
        noun: &'static str,
        /// The kind of defect.
        defect: Defect,
        /// Number of replaced values.
        count: u64,
    },
}

/// The key under which unreadable values are counted: before parsing, their real key is unknown.
const UNREADABLE_KEY: &str = "json";

/// The warnings of one response or delivery, in the order of their occurrence.
pub type ParseWarnings = Vec<ParseWarning>;

/// Words longer than this are not Meta's enum values.
const MAX_WORD: usize = 64;

/// Maximum number of different warnings that a process logs; the counters have all of them.
const MAX_LOGGED: usize = 1_000;

static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl ParseWarning {
    /// An unknown value. Its text is kept for the log only if it looks like an enum word.
    #[must_use]
    pub fn unknown(noun: &'static str, key: &'static str, text: &str) -> Self {
        let looks_like_a_word = text.len() <= MAX_WORD
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        Self::UnknownValue {
            noun,
            key,
            word: looks_like_a_word.then(|| text.to_owned()),
        }
    }

    /// The replacements in a text as warnings, one for each defect.
    pub(super) fn from_repairs(
        noun: &'static str,
        repairs: &Repairs,
    ) -> impl Iterator<Item = Self> {
        let unreadable = move |(defect, count)| Self::Unreadable {
            noun,
            defect,
            count,
        };
        repairs.iter().map(unreadable)
    }

    /// Counts the warning, and logs it the first time.
    pub fn record(&self, telemetry: &Telemetry) {
        match self {
            Self::UnknownValue { noun, key, word } => {
                let field = format!("{noun}.{key}");
                telemetry.unknown_values.with_label_values(&[&field]).inc();
                let word = word.as_deref().unwrap_or("(redacted)");
                if first_time(format!("{field}={word}")) {
                    tracing::warn!(field, word, "unknown value from meta, exported as OTHER");
                }
            }
            Self::Malformed { noun, key } => {
                let field = format!("{noun}.{key}");
                telemetry
                    .malformed_values
                    .with_label_values(&[&field])
                    .inc();
                if first_time(format!("{field}!")) {
                    tracing::warn!(field, "ignored value of unexpected type from meta");
                }
            }
            Self::Unreadable {
                noun,
                defect,
                count,
            } => {
                let field = format!("{noun}.{UNREADABLE_KEY}");
                telemetry
                    .malformed_values
                    .with_label_values(&[&field])
                    .inc_by(*count);
                let defect = defect.as_str();
                if first_time(format!("{field}!{defect}")) {
                    tracing::warn!(field, defect, "replaced unreadable value from meta");
                }
            }
        }
    }
}

fn first_time(what: String) -> bool {
    let mut logged = LOGGED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    logged.len() < MAX_LOGGED && logged.insert(what)
}
