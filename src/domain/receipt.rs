//! Time of receipt.

use super::{MAX_CLOCK_DIFFERENCE, Timestamp};

/// The time of a receipt, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The most probable time. Used for events without a date of their own.
    pub at: Timestamp,
    /// A time that had certainly passed. Expiry depends on it, because expiry cannot be undone. `None` while only the
    /// machine's clock is known.
    pub at_least: Option<Timestamp>,
}

impl From<Timestamp> for Receipt {
    /// A receipt at a known time.
    fn from(at: Timestamp) -> Self {
        let at_least = Some(at);
        Self { at, at_least }
    }
}

impl Receipt {
    /// The time assigned to an event: its own, unless that is too far ahead. While only the machine's clock is known,
    /// that clock may be behind, so the event's time is kept. If the time later proves to be ahead, it is corrected
    /// together with all stored times.
    #[must_use]
    pub fn accepted_time(self, time: Timestamp) -> Timestamp {
        let is_ahead = self.at_least.is_some() && time > self.at.plus(MAX_CLOCK_DIFFERENCE);
        if is_ahead { self.at } else { time }
    }

    /// Reference time for expiry: something that is older than this by its timeout has expired.
    #[must_use]
    pub fn expires_by(self) -> Timestamp {
        self.at_least.unwrap_or(Timestamp::from_millis(i64::MIN))
    }
}
