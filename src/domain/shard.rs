//! The shards of a store that several replicas share.

use sha2::{Digest as _, Sha256};

use super::WabaId;

/// A part of the accounts. One replica at a time owns it: that replica polls its accounts, applies their events, and
/// exports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

/// The number of shards of a store. It is stored with the data, because it determines the shard of every account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding(u16);

impl Sharding {
    /// All accounts in one shard: the store of one process.
    pub const SINGLE: Self = Self(1);

    /// The shards of a new store of several replicas: enough that ten of them have nearly equal shares.
    pub const SHARED: Self = Self(64);

    /// This many shards. `None` for 0.
    #[must_use]
    pub fn new(count: u16) -> Option<Self> {
        (count > 0).then_some(Self(count))
    }

    /// Number of shards.
    #[must_use]
    pub fn count(self) -> u16 {
        self.0
    }

    /// All shards, in order.
    pub fn shards(self) -> impl Iterator<Item = Shard> {
        (0..self.0).map(Shard)
    }

    /// The shard of an account.
    #[must_use]
    pub fn of_account(self, waba_id: &WabaId) -> Shard {
        self.of_key(waba_id.as_str())
    }

    /// The shard of an object that belongs to no account, such as an app or a portfolio, by its name or id.
    ///
    /// The first eight bytes of the SHA-256 hash, big-endian, modulo the number of shards. This must never change:
    /// the data of an account is in its shard.
    #[must_use]
    pub fn of_key(self, key: &str) -> Shard {
        if self == Self::SINGLE {
            return Shard(0);
        }
        let hash = Sha256::digest(key.as_bytes());
        let first = hash.first_chunk().expect("a hash has 32 bytes");
        let remainder = u64::from_be_bytes(*first) % u64::from(self.0);
        Shard(u16::try_from(remainder).expect("less than the number of shards"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_of_an_account_never_changes() {
        let shard = |key: &str| Sharding::SHARED.of_key(key).0;
        // As `sha256sum` prints them: 6b86b273ff34fce1, 85267b5d4f0536af and e3b0c44298fc1c14, modulo 64.
        assert_eq!(shard("1"), 0x21);
        assert_eq!(shard("102290129340398"), 0x2f);
        assert_eq!(shard(""), 0x14);
        assert_eq!(Sharding::SINGLE.of_key("1"), Shard(0));
        assert_eq!(Sharding::new(0), None);
    }

    #[test]
    fn accounts_are_spread_evenly() {
        let mut sizes = [0_u32; 64];
        for id in 0..64_000 {
            let shard = Sharding::SHARED.of_key(&(100_000_000_000_000_u64 + id).to_string());
            sizes[usize::from(shard.0)] += 1;
        }
        assert!(
            sizes.iter().all(|size| (850..1_150).contains(size)),
            "{sizes:?}"
        );
    }
}
