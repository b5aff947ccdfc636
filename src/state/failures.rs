//! Counters of failed messages by error code.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{ErrorCode, KNOWN_ERROR_CODES, MAX_ERROR_CODES};

/// Failed messages by Meta's error code. Beyond the first [`MAX_ERROR_CODES`], codes are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts {
    by_number: BTreeMap<u32, u64>,
    other: u64,
}

impl FailureCounts {
    /// Adds one.
    pub fn increment(&mut self, code: ErrorCode) {
        self.add(code, 1);
    }

    fn add(&mut self, code: ErrorCode, more: u64) {
        let has_room = self.by_number.len() < MAX_ERROR_CODES;
        let count = match code {
            ErrorCode::Number(number) if has_room || self.by_number.contains_key(&number) => {
                self.by_number.entry(number).or_default()
            }
            ErrorCode::Number(_) | ErrorCode::Other => &mut self.other,
        };
        *count = count.saturating_add(more);
    }

    /// The counters of all codes that have occurred.
    pub fn occurred(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        let numbers = self.by_number.iter();
        let numbers = numbers.map(|(number, count)| (ErrorCode::Number(*number), *count));
        let other = (self.other > 0).then_some((ErrorCode::Other, self.other));
        numbers.chain(other)
    }

    /// The counters of all codes that have occurred, and those of common codes at 0 as long as there are not too many.
    pub fn iter(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        let occurred = self.by_number.iter();
        let occurred = occurred.map(|(number, count)| (ErrorCode::Number(*number), *count));
        let common = KNOWN_ERROR_CODES.iter().filter(|code| code.starts_at_zero);
        let common = common.filter(|code| !self.by_number.contains_key(&code.number));
        let left = MAX_ERROR_CODES - self.by_number.len();
        let common = common.map(|code| (ErrorCode::Number(code.number), 0));
        let other = (self.other > 0).then_some((ErrorCode::Other, self.other));
        occurred.chain(common.take(left)).chain(other)
    }
}

impl Serialize for FailureCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.occurred()
                .map(|(code, count)| (code.to_string(), count)),
        )
    }
}

impl<'de> Deserialize<'de> for FailureCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        for (code, count) in Vec::<(String, u64)>::deserialize(deserializer)? {
            counts.add(ErrorCode::parse(&code), count);
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_64_codes_are_told_apart() {
        let mut counts = FailureCounts::default();
        assert!(counts.iter().all(|(_, count)| count == 0));
        for number in 0..100 {
            counts.increment(ErrorCode::Number(200_000 + number));
            let numbers = counts.iter().filter(|(code, _)| *code != ErrorCode::Other);
            assert!(numbers.count() <= MAX_ERROR_CODES);
        }
        counts.increment(ErrorCode::Number(200_000));
        counts.increment(ErrorCode::Other);
        let shown: BTreeMap<String, u64> = counts
            .iter()
            .map(|(code, count)| (code.to_string(), count))
            .collect();
        assert_eq!(shown.len(), MAX_ERROR_CODES + 1);
        assert_eq!((shown["200000"], shown["200063"]), (2, 1));
        assert_eq!(shown["OTHER"], 37);
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
    }
}
