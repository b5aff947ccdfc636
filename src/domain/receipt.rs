//! When something was received.

use super::Timestamp;

/// The time of a receipt, as well as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The most probable time. Dates what has no date of its own.
    pub at: Timestamp,
    /// A time that had certainly passed. Decides what has expired: that cannot be undone.
    pub at_least: Timestamp,
}

impl From<Timestamp> for Receipt {
    /// A time that is known.
    fn from(at: Timestamp) -> Self {
        Self { at, at_least: at }
    }
}
