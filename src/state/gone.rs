//! What a listing no longer has is hidden, not forgotten, and even that within a bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::Timestamp;

/// How many objects are remembered after a listing no longer has them, an account: so that a late
/// webhook does not bring them back, and a returning one keeps its counters.
pub(super) const MAX_GONE: usize = 1_000;

/// Forgets the longest gone of the objects for which `gone_since` has an answer, down to [`MAX_GONE`].
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
