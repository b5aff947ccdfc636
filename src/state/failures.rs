//! Counters of failed messages by error code, with the time of the last failure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::redate::dated;
use crate::domain::{ErrorCode, KNOWN_ERROR_CODES, MAX_ERROR_CODES, Timestamp};

/// Failed messages with one code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Failures {
    count: u64,
    /// Time of the last failure. `None` if version 0.1.0 counted it.
    last: Option<Timestamp>,
}

dated! { Failures: last }

impl Failures {
    fn add(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        self.last = self.last.max(more.last);
    }
}

/// Failed messages by Meta's error code. Beyond the first [`MAX_ERROR_CODES`], codes are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    by_number: BTreeMap<u32, Failures>,
    other: Failures,
}

dated! { FailureCounts: by_number other }

impl FailureCounts {
    /// Counts one that happened at this time.
    pub fn increment(&mut self, code: ErrorCode, at: Timestamp) {
        let one = Failures {
            count: 1,
            last: Some(at),
        };
        self.add(code, one);
    }

    fn add(&mut self, code: ErrorCode, more: Failures) {
        let has_room = self.by_number.len() < MAX_ERROR_CODES;
        let failures = match code {
            ErrorCode::Number(number) if has_room || self.by_number.contains_key(&number) => {
                self.by_number.entry(number).or_default()
            }
            ErrorCode::Number(_) | ErrorCode::Other => &mut self.other,
        };
        failures.add(more);
    }

    fn all(&self) -> impl Iterator<Item = (ErrorCode, Failures)> + '_ {
        self.numbers().chain(self.other())
    }

    fn numbers(&self) -> impl Iterator<Item = (ErrorCode, Failures)> + '_ {
        let numbers = self.by_number.iter();
        numbers.map(|(number, failures)| (ErrorCode::Number(*number), *failures))
    }

    fn other(&self) -> Option<(ErrorCode, Failures)> {
        (self.other.count > 0).then_some((ErrorCode::Other, self.other))
    }

    /// The counters of all codes that have occurred.
    pub fn occurred(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        self.all().map(|(code, failures)| (code, failures.count))
    }

    /// Time of the last failure with each code.
    pub fn last_times(&self) -> impl Iterator<Item = (ErrorCode, Timestamp)> + '_ {
        self.all()
            .filter_map(|(code, failures)| Some((code, failures.last?)))
    }

    /// The counters of all codes that have occurred, and those of common codes at 0 as long as there are not too many.
    pub fn iter(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        let common = KNOWN_ERROR_CODES.iter().filter(|code| code.starts_at_zero);
        let common = common.filter(|code| !self.by_number.contains_key(&code.number));
        let left = MAX_ERROR_CODES - self.by_number.len();
        let common = common.map(|code| (ErrorCode::Number(code.number), Failures::default()));
        let all = self.numbers().chain(common.take(left)).chain(self.other());
        all.map(|(code, failures)| (code, failures.count))
    }
}

/// A counter as it is stored: with the time, or as version 0.1.0 stored it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SavedFailures {
    Timed(String, u64, Timestamp),
    Counted(String, u64),
}

impl Serialize for FailureCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all().map(|(code, failures)| {
            let (code, count) = (code.to_string(), failures.count);
            match failures.last {
                Some(last) => SavedFailures::Timed(code, count, last),
                None => SavedFailures::Counted(code, count),
            }
        }))
    }
}

impl<'de> Deserialize<'de> for FailureCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        for saved in Vec::<SavedFailures>::deserialize(deserializer)? {
            let (code, count, last) = match saved {
                SavedFailures::Timed(code, count, last) => (code, count, Some(last)),
                SavedFailures::Counted(code, count) => (code, count, None),
            };
            counts.add(ErrorCode::parse(&code), Failures { count, last });
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_775_000_000 + seconds)
    }

    #[test]
    fn at_most_64_codes_are_counted_separately() {
        let mut counts = FailureCounts::default();
        assert!(counts.iter().all(|(_, count)| count == 0));
        for number in 0..100 {
            counts.increment(ErrorCode::Number(200_000 + number), at(i64::from(number)));
            let numbers = counts.iter().filter(|(code, _)| *code != ErrorCode::Other);
            assert!(numbers.count() <= MAX_ERROR_CODES);
        }
        counts.increment(ErrorCode::Number(200_000), at(7));
        counts.increment(ErrorCode::Other, at(50));
        let shown: BTreeMap<String, u64> = counts
            .iter()
            .map(|(code, count)| (code.to_string(), count))
            .collect();
        assert_eq!(shown.len(), MAX_ERROR_CODES + 1);
        assert_eq!((shown["200000"], shown["200063"]), (2, 1));
        assert_eq!(shown["OTHER"], 37);
        let last: BTreeMap<String, Timestamp> = counts
            .last_times()
            .map(|(code, last)| (code.to_string(), last))
            .collect();
        assert_eq!((last["200000"], last["200063"]), (at(7), at(63)));
        assert_eq!(last["OTHER"], at(99), "the newest, not the last to arrive");
        let saved = serde_json::to_string(&counts).expect("plain data");
        let read: FailureCounts = serde_json::from_str(&saved).expect("its own text");
        assert_eq!(read, counts);
    }

    #[test]
    fn counters_of_older_versions_are_read() {
        let saved = r#"[["131026",5],["OTHER",2]]"#;
        let read: FailureCounts = serde_json::from_str(saved).expect("an older version's text");
        let occurred = read.iter().filter(|(_, count)| *count > 0);
        let occurred: Vec<_> = occurred.collect();
        assert_eq!(
            occurred,
            [(ErrorCode::Number(131_026), 5), (ErrorCode::Other, 2)]
        );
        assert_eq!(serde_json::to_string(&read).expect("plain data"), saved);
        assert_eq!(read.last_times().count(), 0);
    }
}
