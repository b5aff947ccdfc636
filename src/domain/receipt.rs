//! Time of receipt.

use super::{MAX_CLOCK_DIFFERENCE, Timestamp};

/// The time of a receipt, as well as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The most probable time. Dates what has no date of its own.
    pub at: Timestamp,
    /// A time that had certainly passed. Decides what has expired: that cannot be undone. `None` while nothing but
    /// the machine's clock is known.
    pub at_least: Option<Timestamp>,
}

impl From<Timestamp> for Receipt {
    /// A time that is known.
    fn from(at: Timestamp) -> Self {
        let at_least = Some(at);
        Self { at, at_least }
    }
}

impl Receipt {
    /// The time that an event counts as: its own, unless that is too far ahead. While nothing but the machine's clock
    /// is known, that may be behind: what turns out to be ahead is then corrected with all stored times.
    #[must_use]
    pub fn believed(self, time: Timestamp) -> Timestamp {
        let is_ahead = self.at_least.is_some() && time > self.at.plus(MAX_CLOCK_DIFFERENCE);
        if is_ahead { self.at } else { time }
    }

    /// Reference time for expiry: something that is older than this by its timeout has expired.
    #[must_use]
    pub fn expires_by(self) -> Timestamp {
        self.at_least.unwrap_or(Timestamp::from_millis(i64::MIN))
    }
}
