//! Objects that are missing from the latest listing. They are hidden but not removed, up to a limit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::Timestamp;

/// How many unlisted objects an account remembers. A late webhook must not make them visible again, and an object
/// that returns keeps its counters.
pub(super) const MAX_GONE: usize = 1_000;

/// Removes the objects that have been gone longest, according to `gone_since`, down to [`MAX_GONE`].
pub(super) fn forget_oldest<K: Clone + Ord, V>(
    objects: &mut BTreeMap<K, Arc<V>>,
    gone_since: impl Fn(&V) -> Option<Timestamp>,
) {
    let gone = objects
        .iter()
        .filter_map(|(id, object)| Some((gone_since(object)?, id.clone())));
    let mut gone: Vec<_> = gone.collect();
    if gone.len() > MAX_GONE {
        gone.sort_unstable();
        for (_, id) in &gone[..gone.len() - MAX_GONE] {
            objects.remove(id);
        }
    }
}
