//! Keys of the webhook changes that have been applied. Meta delivers at least once and retries for days.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::domain::DeliveryKey;

/// The newest keys up to a capacity; the oldest are forgotten first.
#[derive(Clone, Debug)]
pub struct DedupWindow {
    capacity: usize,
    known: HashSet<DeliveryKey, BuildHasherDefault<KeyHasher>>,
    oldest_first: VecDeque<DeliveryKey>,
    /// Number of keys ever added, which is the number of the newest key.
    noted: u64,
}

/// Takes the last bits of a key as its hash: a key is the result of SHA-256 already.
#[derive(Clone, Copy, Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl DedupWindow {
    /// Remembers up to `capacity` keys (about 50 bytes each).
    #[must_use]
    pub fn remembering(capacity: usize) -> Self {
        Self {
            capacity,
            known: HashSet::default(),
            oldest_first: VecDeque::new(),
            noted: 0,
        }
    }

    /// The number of the newest key. Each key has the number of its predecessor plus one.
    #[must_use]
    pub fn newest_number(&self) -> u64 {
        self.noted
    }

    /// The number of the newest forgotten key.
    #[must_use]
    pub fn forgotten_number(&self) -> u64 {
        self.noted - self.oldest_first.len() as u64
    }

    /// Restores the keys that another process stored: oldest first, the last one with this number.
    pub fn restore(&mut self, keys: impl IntoIterator<Item = DeliveryKey>, newest_number: u64) {
        *self = Self::remembering(self.capacity);
        for key in keys {
            self.is_new(key);
        }
        self.noted = newest_number;
    }

    /// Forgets the newest keys, as if they had never been added.
    pub fn forget_newest(&mut self, how_many: usize) {
        for _ in 0..how_many {
            let forgotten = self.oldest_first.pop_back();
            forgotten.map(|key| self.known.remove(&key));
            self.noted -= u64::from(forgotten.is_some());
        }
    }

    /// Whether the key is remembered.
    #[must_use]
    pub fn contains(&self, key: DeliveryKey) -> bool {
        self.known.contains(&key)
    }

    /// Adds the key; returns whether it is new.
    pub fn is_new(&mut self, key: DeliveryKey) -> bool {
        if !self.known.insert(key) {
            return false;
        }
        self.oldest_first.push_back(key);
        self.noted += 1;
        if self.oldest_first.len() > self.capacity {
            let forgotten = self.oldest_first.pop_front();
            forgotten.map(|key| self.known.remove(&key));
        }
        true
    }
}
