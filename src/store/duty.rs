//! What a replica does outside the store for the accounts that it owns: relaying, notifying.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::published::Published;
use crate::domain::Shard;

/// Permission to send what belongs to the shards of this replica. It ends when they change: then the work begins again for
/// others. It is suspended while the lease of the replica is over, because another one may continue its work.
#[derive(Clone, Debug)]
pub struct Duty {
    shared: Arc<Published>,
    shards: Arc<BTreeSet<Shard>>,
}

impl Duty {
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

    /// Whether the shards of this replica have changed since. Something that is missing in the store then belongs to another
    /// replica, and was not dropped.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !Arc::ptr_eq(&self.shards, &self.shared.shards().borrow())
    }
}
