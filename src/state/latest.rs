//! A register that keeps only the newest value.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::saved::Saved;

/// The newest value and when it was said. Equal stamps are settled by the value, so that any order of
/// the same words leaves the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "T: Saved")]
pub struct Latest<T>(#[serde(with = "Saved")] Option<(Stamp, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Latest<T> {
    /// Takes the value if it is the newest; says whether it was.
    pub fn observe(&mut self, value: T, stamp: Stamp) -> bool {
        let word = Some((stamp, value));
        let newest = word >= self.0;
        if newest {
            self.0 = word;
        }
        newest
    }

    /// Takes the value if there is one.
    pub fn observe_some(&mut self, value: Option<T>, stamp: Stamp) {
        if let Some(value) = value {
            self.observe(value, stamp);
        }
    }

    /// The newest value.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    pub(super) fn stamp_mut(&mut self) -> Option<&mut Stamp> {
        self.0.as_mut().map(|(stamp, _)| stamp)
    }

    /// When the newest value was said.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        self.0.as_ref().map(|(stamp, _)| *stamp)
    }
}
