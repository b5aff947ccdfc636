//! When something was received.

use super::Timestamp;

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
    /// What is older than this by a timeout has expired.
    #[must_use]
    pub fn expires_by(self) -> Timestamp {
        self.at_least.unwrap_or(Timestamp::from_millis(i64::MIN))
    }
}
