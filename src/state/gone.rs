//! Objects that are missing from the latest listing. They are hidden but not removed, up to a limit.

use std::collections::BTreeSet;

use crate::domain::Timestamp;

/// Maximum number of missing objects that an account keeps, so that a late webhook does not make them visible again,
/// and an object that returns keeps its counters.
pub(super) const MAX_GONE: usize = 1_000;

/// The objects to remove: those that have been missing longest, beyond [`MAX_GONE`]. `gone` contains all missing
/// objects, each with the time since which it is missing.
pub(super) fn gone_longest<K: Ord>(gone: impl Iterator<Item = (Timestamp, K)>) -> BTreeSet<K> {
    let mut gone: Vec<_> = gone.collect();
    let surplus = gone.len().saturating_sub(MAX_GONE);
    if surplus > 0 {
        gone.sort_unstable();
    }
    let longest = gone.into_iter().take(surplus);
    longest.map(|(_, id)| id).collect()
}
