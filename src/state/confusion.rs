//! Signs that a step confused a customer, found without reading the text of the customer's messages.
//!
//! | reason | when |
//! |---|---|
//! | `free_text` | the customer typed, though the step declares answers; the text answers the step all the same |
//! | `unsupported` | the message is of a kind that the step cannot take; it does not answer the step |
//! | `repeated` | the customer sent two or more messages before the business wrote again; counts once |
//! | `asked_again` | the step was sent again in the same session |
//! | `slow` | the answer took more than three times as long as nine of ten earlier answers of the step |
//!
//! Reactions, and changes to earlier messages, are no messages in this sense.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Histogram;
use crate::domain::Timestamp;
use crate::domain::journey::Confusion;
use crate::domain::message::Kind;

/// Number of unanswered messages of a customer from which the reason `repeated` applies.
pub const REPEATED: u32 = 2;

/// Minimum number of earlier answers for an answer to be slow.
const MIN_ANSWERS: u64 = 30;

/// The quantile of earlier answers that an answer is compared with, and the multiple of it from which the answer is
/// slow.
const QUANTILE: f64 = 0.9;
const TIMES: u32 = 3;

/// Only answers before the current hour are compared, so that the order of arrival within an hour does not matter.
const HOUR: i64 = 3_600_000;

/// The effect of a customer's message on the step that it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether it answers the step.
    pub is_answer: bool,
    /// Why it shows that the customer is confused.
    pub confusion: Option<Confusion>,
}

/// The effect of a message of this kind on a step. `is_choice`: the customer chose an offered reply. `is_closed`: the
/// step declares its answers.
#[must_use]
pub fn taken(kind: Kind, is_choice: bool, is_closed: bool) -> Taken {
    // Meta does not pass on the content of some messages.
    let is_known = !matches!(kind, Kind::Unsupported | Kind::Unknown);
    let (is_answer, confusion) = if is_known && (is_choice || !is_closed) {
        (true, None)
    } else if kind == Kind::Text {
        (true, Some(Confusion::FreeText))
    } else {
        (false, Some(Confusion::Unsupported))
    };
    Taken {
        is_answer,
        confusion,
    }
}

/// The limit above which an answer of a step is slow, by the answers before the current hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The present hour, counted from 1970.
    hour: i64,
    /// The longest time that is not slow, in milliseconds. `None` with too few answers.
    limit_ms: Option<u64>,
}

impl Pace {
    /// Whether an answer at `at` is slow. `earlier`: the times of all earlier answers.
    pub fn is_slow(&mut self, at: Timestamp, took: Duration, earlier: &Histogram) -> bool {
        let hour = at.as_millis().div_euclid(HOUR);
        if hour > self.hour {
            let limit = limit(earlier).map(|limit| limit.as_millis());
            let limit_ms = limit.and_then(|limit| u64::try_from(limit).ok());
            *self = Self { hour, limit_ms };
        }
        let limit = self.limit_ms.map(Duration::from_millis);
        limit.is_some_and(|limit| took > limit)
    }
}

fn limit(earlier: &Histogram) -> Option<Duration> {
    let enough = earlier.count() >= MIN_ANSWERS;
    let usual = earlier.quantile(QUANTILE).filter(|_| enough)?;
    Some(usual * TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Word;

    #[test]
    fn only_a_choice_or_a_text_answers_a_step_with_declared_answers() {
        for kind in Kind::ALL.iter().copied() {
            let of = |is_choice, is_closed| taken(kind, is_choice, is_closed);
            let content = !matches!(kind, Kind::Unsupported | Kind::Unknown);
            assert_eq!(of(false, false).is_answer, content, "{kind:?}");
            assert_eq!(of(true, true).is_answer, content, "{kind:?}");
            assert_eq!(of(false, true).is_answer, kind == Kind::Text, "{kind:?}");
            let is_text = kind == Kind::Text;
            let confusion = if is_text {
                Confusion::FreeText
            } else {
                Confusion::Unsupported
            };
            assert_eq!(of(false, true).confusion, Some(confusion), "{kind:?}");
            assert_eq!(of(true, true).confusion.is_none(), content, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_is_slow_by_the_answers_of_earlier_hours() {
        let (mut pace, mut earlier) = (Pace::default(), Histogram::default());
        let mut is_slow = |minute: i64, seconds: u64| {
            let took = Duration::from_secs(seconds);
            let at = Timestamp::from_seconds(1_775_000_000 / 3600 * 3600 + minute * 60);
            let is_slow = pace.is_slow(at, took, &earlier);
            earlier.observe(took);
            is_slow
        };
        // Nine of ten take at most 10 seconds: 27 in the bucket from 5 to 10, and 3 above.
        for answer in 0..30 {
            let seconds = if answer < 27 { 8 } else { 4_000 };
            assert!(!is_slow(0, seconds), "there is no earlier hour");
        }
        assert!(!is_slow(60, 30), "three times 10 seconds");
        assert!(is_slow(61, 31));
        assert!(is_slow(59, 31), "late, by the limit of the present hour");
        // Of 33 answers, 28 take at most 30 seconds and 30 at most 60: nine of ten take at most 55.5 seconds.
        assert!(!is_slow(120, 166));
        assert!(is_slow(121, 167));
    }
}
