//! Counters by the values of one of Meta's enums. All values exist from the start.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::saved::Saved;
use crate::domain::Word;

/// One counter for each word of `W`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<W> {
    counts: Box<[u64]>,
    words: PhantomData<W>,
}

impl<W: Word> Default for Counts<W> {
    fn default() -> Self {
        Self {
            counts: vec![0; W::ALL.len()].into(),
            words: PhantomData,
        }
    }
}

impl<W: Word> Counts<W> {
    /// Adds one.
    pub fn increment(&mut self, word: W) {
        self.add(word, 1);
    }

    /// Adds `more`.
    pub fn add(&mut self, word: W, more: u64) {
        let count = &mut self.counts[word.index()];
        *count = count.saturating_add(more);
    }

    /// Every word with its count, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (W, u64)> + '_ {
        W::ALL.iter().copied().zip(self.counts.iter().copied())
    }
}

/// One counter for each pair of words, such as "from, to".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCounts<A, B> {
    counts: Box<[u64]>,
    words: PhantomData<(A, B)>,
}

impl<A: Word, B: Word> Default for PairCounts<A, B> {
    fn default() -> Self {
        Self {
            counts: vec![0; A::ALL.len() * B::ALL.len()].into(),
            words: PhantomData,
        }
    }
}

impl<A: Word, B: Word> PairCounts<A, B> {
    /// Adds one to this pair.
    pub fn increment(&mut self, first: A, second: B) {
        self.add(first, second, 1);
    }

    /// Adds `more` to this pair.
    pub fn add(&mut self, first: A, second: B, more: u64) {
        let count = &mut self.counts[first.index() * B::ALL.len() + second.index()];
        *count = count.saturating_add(more);
    }

    /// Every pair with its count, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (A, B, u64)> + '_ {
        let pairs = A::ALL
            .iter()
            .flat_map(|first| B::ALL.iter().map(move |second| (*first, *second)));
        pairs
            .zip(self.counts.iter())
            .map(|((first, second), count)| (first, second, *count))
    }
}

/// Saves only words with a count, by name: a later version may know more words, in another order.
impl<W: Word> Serialize for Counts<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counted: Vec<_> = self.iter().filter(|(_, count)| *count > 0).collect();
        Saved::serialize(&counted, serializer)
    }
}

impl<'de, W: Word> Deserialize<'de> for Counts<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        let counted: Vec<(W, u64)> = Saved::deserialize(deserializer)?;
        for (word, count) in counted {
            counts.add(word, count);
        }
        Ok(counts)
    }
}

impl<A: Word, B: Word> Serialize for PairCounts<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counted: Vec<_> = self.iter().filter(|(.., count)| *count > 0).collect();
        Saved::serialize(&counted, serializer)
    }
}

impl<'de, A: Word, B: Word> Deserialize<'de> for PairCounts<A, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        let counted: Vec<(A, B, u64)> = Saved::deserialize(deserializer)?;
        for (first, second, count) in counted {
            counts.add(first, second, count);
        }
        Ok(counts)
    }
}
