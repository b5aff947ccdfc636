//! Objects that a listing no longer has. They are hidden but not removed, up to a limit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::Timestamp;

/// How many objects are remembered after a listing no longer has them, an account: so that a late
/// webhook does not bring them back, and a returning one keeps its counters.
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
