//! The clocks: the one place that reads them; and moments as people write them.

mod moment;

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

pub use moment::{calendar, moment};

/// Now, in Unix milliseconds; 1970 for a clock that is set before it.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Now by a clock that nobody sets: it starts as the wall clock and then only runs on. For what waits
/// and counts, so that a wall clock set back an hour does not stop it for an hour. Never shown.
#[must_use]
pub fn steady() -> Timestamp {
    static START: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (instant, at) = START.get_or_init(|| (Instant::now(), now()));
    at.plus(instant.elapsed())
}
