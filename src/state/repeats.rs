//! Which webhook changes have been applied: Meta delivers at least once, for days.

use std::collections::{HashSet, VecDeque};

use crate::domain::DeliveryKey;

/// The last so many keys, oldest forgotten first.
#[derive(Clone, Debug)]
pub struct Repeats {
    capacity: usize,
    known: HashSet<DeliveryKey>,
    oldest_first: VecDeque<DeliveryKey>,
}

impl Repeats {
    /// Remembers up to `capacity` keys (about 50 bytes each).
    #[must_use]
    pub fn remembering(capacity: usize) -> Self {
        Self {
            capacity,
            known: HashSet::new(),
            oldest_first: VecDeque::new(),
        }
    }

    /// Notes the key; says whether it is new.
    pub fn is_new(&mut self, key: DeliveryKey) -> bool {
        if !self.known.insert(key) {
            return false;
        }
        self.oldest_first.push_back(key);
        if self.oldest_first.len() > self.capacity {
            let forgotten = self.oldest_first.pop_front();
            forgotten.map(|key| self.known.remove(&key));
        }
        true
    }
}
