//! The fair share of shards: how many a replica acquires and releases.

/// At most this many shards are free because they move. A rebalance moves them in batches of this size, so most
/// shards have an owner at any time.
pub const MOVING: usize = 8;

/// The change of the number of a replica's shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Number of free shards to acquire.
    pub acquire: usize,
    /// Number of owned shards to release.
    pub release: usize,
}

/// The change for the replica at `me` of the live replicas, which hold these numbers of shards, in the order of ids.
///
/// A balanced replica holds the floor or the ceiling of `total / replicas`. Moves are minimal. Shards above the ceiling
/// have to move. A replica goes from the ceiling to the floor only if another one is below the floor and no other
/// shards can fill it: neither free ones, nor those above the ceiling of others, nor those of replicas that are not
/// live. A replica that already holds the ceiling keeps it. Only ties are decided by the order of ids.
///
/// Shards do not move back and forth: the rule never lets a replica acquire what it has released by the rule, and
/// balanced replicas without a free shard change nothing.
#[must_use]
pub fn change(held: &[usize], me: usize, free: usize, total: usize) -> Change {
    let floor = total / held.len();
    let ceilings = total % held.len();
    let ceiling = floor + usize::from(ceilings > 0);
    let mine = held[me];
    let missing: usize = held.iter().map(|count| floor.saturating_sub(*count)).sum();

    let mut acquire = floor.saturating_sub(mine);
    if mine <= floor && ceilings > 0 {
        let spare = free.saturating_sub(missing);
        let at_ceiling = count(held, |count| count >= ceiling);
        let open = spare.min(ceilings.saturating_sub(at_ceiling));
        acquire += usize::from(count(&held[..me], |count| count <= floor) < open);
    }

    let mut release = mine.saturating_sub(ceiling);
    if mine >= ceiling && ceilings > 0 {
        let surplus: usize = held.iter().map(|held| held.saturating_sub(ceiling)).sum();
        let elsewhere = total.saturating_sub(held.iter().sum());
        let short = missing.saturating_sub(surplus + elsewhere);
        release += usize::from(count(&held[me + 1..], |count| count >= ceiling) < short);
    }
    Change {
        acquire: acquire.min(free),
        release: release.min(MOVING.saturating_sub(free)),
    }
}

fn count(held: &[usize], matches: impl Fn(usize) -> bool) -> usize {
    held.iter().filter(|count| matches(**count)).count()
}
