//! The calls that an account has spent of its budget.

use super::Timestamp;

/// The calls that were made for one account within the last hour, and Meta's rate limit. They are stored with the
/// account, so that they are not spent again after a restart or by another owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpentCalls {
    /// Calls within a minute from each of these times, oldest first.
    pub by_minute: Vec<(Timestamp, u32)>,
    /// Until when Meta limits the calls. `None` if it does not.
    pub held_until: Option<Timestamp>,
}

impl SpentCalls {
    /// The same times on a clock that is ahead by this many milliseconds.
    #[must_use]
    pub fn on_clock_ahead_by(&self, millis: i64) -> Self {
        let moved = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_add(millis));
        let by_minute = self.by_minute.iter();
        Self {
            by_minute: by_minute.map(|(at, calls)| (moved(*at), *calls)).collect(),
            held_until: self.held_until.map(moved),
        }
    }
}
