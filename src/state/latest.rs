//! A register that keeps only the newest value.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::packed::{Packed, Packer, Unpacker};
use super::saved::Saved;

/// The newest value with its stamp. Equal stamps are ordered by value, so the result does not depend on the order
/// of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "T: Saved")]
pub struct Latest<T>(#[serde(with = "Saved")] Option<(Stamp, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> Latest<T> {
    /// No value yet.
    pub(super) const NONE: Self = Self(None);
}

impl<T: Ord> Latest<T> {
    /// Stores the value if it is the newest; returns whether it is.
    pub fn observe(&mut self, value: T, stamp: Stamp) -> bool {
        let word = Some((stamp, value));
        let newest = word >= self.0;
        if newest {
            self.0 = word;
        }
        newest
    }

    /// Like [`Self::observe`], if there is a value.
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

    /// Stamp of the newest value.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        self.0.as_ref().map(|(stamp, _)| *stamp)
    }
}

impl<T: Packed> Packed for Latest<T> {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        self.0.pack(out);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Packed::unpack(from).map(Self)
    }
}
