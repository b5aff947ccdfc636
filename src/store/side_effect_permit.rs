//! Permission for the side effects of a replica: relaying and notifying for the accounts that it owns.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::published::Published;
use crate::domain::Shard;

/// Permission to send what belongs to the shards of this replica. It ends when these shards change: the work then
/// starts again for the new ones. It is suspended after the lease of the replica has ended, because another replica may
/// continue its work.
#[derive(Clone, Debug)]
pub struct SideEffectPermit {
    shared: Arc<Published>,
    shards: Arc<BTreeSet<Shard>>,
}

impl SideEffectPermit {
    pub(super) fn new(shared: &Arc<Published>) -> Self {
        Self {
            shards: shared.shards().borrow().clone(),
            shared: Arc::clone(shared),
        }
    }

    /// Whether something may be sent now. Always, in a store of one process.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.has_ended() && self.shared.has_lease()
    }

    /// Whether the shards of this replica have changed since. A row that is missing in the store may then belong to
    /// another replica, so it does not count as dropped.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !Arc::ptr_eq(&self.shards, &self.shared.shards().borrow())
    }
}
