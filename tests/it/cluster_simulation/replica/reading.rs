//! The exports of a process.

use std::time::Duration;

use whatsapp_business_exporter::cluster::Permit;

use super::super::database::shard_of;
use super::Replica;

impl Replica {
    /// The accounts that a scrape may export now.
    pub fn permit(&self, now: u64) -> Permit {
        let now = self.lease_ignored(now).unwrap_or_else(|| self.clock(now));
        self.published.permit(now)
    }

    /// What of a permit is still valid.
    pub fn narrow(&self, permit: &Permit, now: u64) -> Permit {
        if !self.rules.recheck {
            return permit.clone();
        }
        let now = self.lease_ignored(now).unwrap_or_else(|| self.clock(now));
        permit.narrow(&self.published, now)
    }

    /// The beginning of the lease, if a longer one than that of production is not over.
    fn lease_ignored(&self, now: u64) -> Option<Duration> {
        let lease = Duration::from_millis(self.rules.lease?);
        let renewed = self.renewed?;
        (self.clock(now) - renewed < lease).then_some(renewed)
    }

    /// The counts of the accounts that a permit includes.
    pub fn render(&self, permit: &Permit) -> Vec<(usize, u64)> {
        let accounts = self.memory.iter();
        let accounts =
            accounts.filter(|(account, _)| permit.includes(shard_of(**account, self.shards)));
        accounts
            .map(|(account, state)| (*account, state.count))
            .collect()
    }
}
