//! Several replicas on one PostgreSQL database: which of them owns which shard, who writes it, and who reads it.
//!
//! This is the pure part of the protocol: no sockets, clocks or SQL. A replica has one writer session. Every second and
//! after a notification it sends a heartbeat, which returns a [`View`]; [`Member::observe`] returns the next actions.
//! `tests/it/cluster_simulation` runs this code against a model of the database, with faults at every step.
//!
//! Ownership, writing and reading are protected by different means:
//!
//! - **Ownership: the advisory lock** of the writer session. The end of a session frees its shards at once, so a
//!   killed process is replaced within a heartbeat. No safety depends on it.
//! - **Writing: the epoch.** A new owner raises it, and every commit checks it in its own transaction, first, by an
//!   update of the shard's row. Once the epoch is raised, no earlier owner commits. The new owner loads the state in a
//!   snapshot that begins after the epoch is raised, so it sees all that earlier owners committed.
//! - **Reading: the lease** ([`Exports`]). A heartbeat renews it only if its view shows the epoch unchanged. A lock
//!   becomes free as soon as the session ends, which the process behind it may notice late. Therefore a new owner
//!   applies events at once, but holds off reads and side effects for [`HOLD_OFF`], which is longer than [`LEASE`].
//!   Only a predecessor that dropped the shard and recorded that (`released`) makes the hold-off unnecessary. Thus at
//!   most one replica has a valid lease for a shard, without any assumption about the database's clock.
//!
//! Invariants:
//!
//! - Only committed state is exported. A count is never exported lower later, in the order in which the scrapes begin:
//!   Prometheus gives samples the time of that beginning.
//! - `released` is true only while no process can have a valid lease for the shard. An acquisition sets it to false. An
//!   owner that is itself in the hold-off leaves it false, because its predecessor's lease can still be valid.
//! - An event that was acknowledged is in the state or in the inbox, and never in both after a commit ([`InboxBatch`]).
//!   Repeats have the same key, which the owner checks. Keys are stored with the state, in the same transaction.
//! - After an unknown outcome, the state in memory is invalid: [`Member::disconnected`], then a new session.

mod exports;
mod inbox;
mod member;
mod peers;
mod routing;
mod share;
#[cfg(test)]
mod tests;
mod view;

pub use exports::{Exports, HOLD_OFF, LEASE, Permit};
pub use inbox::{InboxBatch, InboxRow};
pub use member::{Action, Member, Release, SessionChanged};
pub use routing::{Routed, route};
pub use view::{Backend, Epoch, ReplicaId, ReplicaRow, ShardRow, View};
