//! The newest time of each kind of event.
//!
//! Prometheus sees an increase of a counter only if an earlier scrape has the previous value. The time shows an event
//! in any case: after a restart, after a missed scrape, and for the first event of its kind.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::redate::{Dated, Redating};
use super::saved::Saved;
use crate::domain::Timestamp;

/// The newest time of each kind of event, in the order of the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTimes<K>(Vec<(K, Timestamp)>);

impl<K> Default for LastTimes<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy> LastTimes<K> {
    /// Keeps the newest time, regardless of the order of arrival.
    pub(super) fn note(&mut self, kind: K, at: Timestamp) {
        match self.0.binary_search_by_key(&kind, |(known, _)| *known) {
            Ok(place) => self.0[place].1 = self.0[place].1.max(at),
            Err(place) => self.0.insert(place, (kind, at)),
        }
    }

    /// Each kind that has occurred.
    pub fn iter(&self) -> impl Iterator<Item = &(K, Timestamp)> {
        self.0.iter()
    }
}

impl<K> Dated for LastTimes<K> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl<K: Saved> Serialize for LastTimes<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved::serialize(&self.0, serializer)
    }
}

/// Sorts the stored times: another version may have had another order of kinds, and unknown kinds are read as `OTHER`,
/// so that `OTHER` may occur twice.
impl<'de, K: Saved + Ord + Copy> Deserialize<'de> for LastTimes<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut times = Self::default();
        let saved: Vec<(K, Timestamp)> = Saved::deserialize(deserializer)?;
        for (kind, at) in saved {
            times.note(kind, at);
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::number::SecurityEventKind as Kind;

    #[test]
    fn an_unknown_kind_reads_as_other_and_keeps_its_newest_time() {
        let saved = r#"[["OF_TOMORROW",5000],["PIN_CHANGED",1000],["OF_THE_DAY_AFTER",3000]]"#;
        let read: LastTimes<Kind> = serde_json::from_str(saved).expect("a later version's text");
        let at = Timestamp::from_millis;
        let times: Vec<_> = read.iter().copied().collect();
        assert_eq!(
            times,
            [(Kind::PinChanged, at(1000)), (Kind::Other, at(5000))]
        );
    }
}
