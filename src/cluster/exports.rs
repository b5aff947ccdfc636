//! The lease for reads and side effects: what a replica may export, poll and relay.
//!
//! The epoch stops an old owner's writes, but not its reads: a stopped process could answer a waiting scrape after a
//! new owner has taken over. All times are of a monotonic clock that also counts suspend.

use std::collections::BTreeMap;
use std::time::Duration;

use super::view::Epoch;
use crate::domain::Shard;

/// Reads and side effects are allowed for this long after the beginning of the last successful heartbeat.
pub const LEASE: Duration = Duration::from_secs(3);

/// A new owner waits this long before reads and side effects, unless its predecessor has released the shard.
///
/// The heartbeat that renewed the predecessor's lease still read the old epoch. It began before the new owner raised
/// the epoch, so the predecessor's lease ends first. The difference covers clocks that run at different speeds, and
/// the time from the last check to the first byte.
pub const HOLD_OFF: Duration = Duration::from_millis(3_250);

/// An owned shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) epoch: Epoch,
    /// Time from which no earlier owner can have a lease.
    pub(super) from: Duration,
}

/// The owned shards and the lease, as they are published to the tasks that read.
///
/// A dropped shard must be absent from the published exports before its release is sent to the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    pub(super) renewed: Option<Duration>,
    pub(super) held: BTreeMap<Shard, Held>,
}

impl Exports {
    /// The shards that may be read now.
    ///
    /// A shard is included once a heartbeat that began after the hold-off has confirmed its epoch. A process that
    /// resumes after a pause in the hold-off thus cannot answer a scrape that began to wait before the end of the
    /// hold-off.
    #[must_use]
    pub fn permit(&self, now: Duration) -> Permit {
        let shards = self.valid(now).into_iter().flat_map(|renewed| {
            let held = self.held.iter();
            held.filter(move |(_, held)| held.from <= renewed)
                .map(|(shard, held)| (*shard, held.epoch))
        });
        Permit(shards.collect())
    }

    /// Whether a shard may be read now.
    #[must_use]
    pub fn includes(&self, shard: Shard, now: Duration) -> bool {
        let held = self.valid(now).zip(self.held.get(&shard));
        held.is_some_and(|(renewed, held)| held.from <= renewed)
    }

    /// Whether the lease is valid, whatever it includes.
    #[must_use]
    pub fn is_valid(&self, now: Duration) -> bool {
        self.valid(now).is_some()
    }

    /// How long ago the lease was renewed. `None` without a session.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.renewed.map(|renewed| now.saturating_sub(renewed))
    }

    /// When the lease was renewed, if it is valid.
    fn valid(&self, now: Duration) -> Option<Duration> {
        self.renewed
            .filter(|renewed| now.saturating_sub(*renewed) < LEASE)
    }
}

/// The shards that a response or a side effect may include. Taken when a request begins, together with the state that
/// it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit(BTreeMap<Shard, Epoch>);

impl Permit {
    /// Whether the accounts of a shard may be included.
    #[must_use]
    pub fn includes(&self, shard: Shard) -> bool {
        self.0.contains_key(&shard)
    }

    /// Whether the permit is still valid, for all its shards. Checked last before the first byte, or before a side
    /// effect.
    #[must_use]
    pub fn is_valid(&self, current: &Exports, now: Duration) -> bool {
        self.narrow(current, now) == *self
    }

    /// The part that is still valid. A response whose permit became invalid is rendered again with this part, from the
    /// same state.
    ///
    /// A new permit or newer state must not be used: samples have the timestamp of the beginning of the request. A
    /// shard that was acquired since then, or a newer count, would be dated before a lower one that was exported in
    /// between.
    #[must_use]
    pub fn narrow(&self, current: &Exports, now: Duration) -> Self {
        let current = current.permit(now);
        let shards = self.0.iter();
        let valid = shards.filter(|(shard, epoch)| current.0.get(shard) == Some(epoch));
        Self(valid.map(|(shard, epoch)| (*shard, *epoch)).collect())
    }
}
