//! Which accounts the database has for a phone number or a portfolio, as it answered within the last seconds. An answer
//! without accounts is kept too, so that repeated requests about an unknown number cost nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::WabaId;

/// Maximum number of answers. Keys come from requests, so there can be any number of them.
const MAX_KEPT: usize = 10_000;

/// The answers by key.
#[derive(Debug)]
pub struct Lookups<K> {
    valid_for: Duration,
    found: BTreeMap<K, (Instant, Vec<WabaId>)>,
}

impl<K: Ord> Lookups<K> {
    /// No answers. Each is valid for this time.
    pub fn new(valid_for: Duration) -> Self {
        Self {
            valid_for,
            found: BTreeMap::new(),
        }
    }

    /// The accounts of this key. `None` if they must be looked up.
    pub fn get(&self, key: &K) -> Option<Vec<WabaId>> {
        let (at, accounts) = self.found.get(key)?;
        (at.elapsed() < self.valid_for).then(|| accounts.clone())
    }

    /// Stores an answer that was requested at this time. At the maximum, drops the outdated ones, or else all.
    pub fn insert(&mut self, key: K, asked_at: Instant, accounts: Vec<WabaId>) {
        if self.found.len() >= MAX_KEPT {
            let valid_for = self.valid_for;
            self.found.retain(|_, (at, _)| at.elapsed() < valid_for);
        }
        if self.found.len() >= MAX_KEPT {
            self.found.clear();
        }
        self.found.insert(key, (asked_at, accounts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID_FOR: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn answers_end_and_are_bounded() {
        let mut lookups = Lookups::new(VALID_FOR);
        let account = WabaId::parse("800").expect("digits");
        lookups.insert(1, Instant::now(), vec![account.clone()]);
        lookups.insert(2, Instant::now(), Vec::new());
        assert_eq!(lookups.get(&1), Some(vec![account]));
        assert_eq!(lookups.get(&2), Some(Vec::new()), "a miss is an answer");
        assert_eq!(lookups.get(&3), None);
        tokio::time::advance(VALID_FOR).await;
        assert_eq!(lookups.get(&1), None);

        for key in 3..3 + MAX_KEPT {
            lookups.insert(key, Instant::now(), Vec::new());
            assert!(lookups.found.len() <= MAX_KEPT);
        }
        assert!(lookups.get(&(2 + MAX_KEPT)).is_some());
        assert_eq!(lookups.found.len(), MAX_KEPT, "outdated ones go first");
        lookups.insert(0, Instant::now(), Vec::new());
        assert_eq!(lookups.found.len(), 1);
    }
}
