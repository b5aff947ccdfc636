//! Checks at every step, and at the end.

use whatsapp_business_exporter::domain::Shard;

use super::super::replica::Replica;
use super::super::wire::Account;
use super::World;

impl World {
    /// At most one process may export a shard, running or not.
    pub(super) fn check_leases(&self, slot: usize) -> Result<(), String> {
        let permits = self.slots.iter().map(|place| {
            let replica = place.process.as_ref();
            replica.map(|replica| replica.permit(self.now))
        });
        let permits: Vec<_> = permits.collect();
        let Some(own) = &permits[slot] else {
            return Ok(());
        };
        for (other, permit) in permits
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != slot)
        {
            let both = self.shards().find(|shard| {
                own.includes(*shard) && permit.as_ref().is_some_and(|one| one.includes(*shard))
            });
            if let Some(shard) = both {
                return Err(format!("both {slot} and {other} may export {shard:?}"));
            }
        }
        Ok(())
    }

    fn shards(&self) -> impl Iterator<Item = Shard> {
        (0..u16::try_from(self.plan.shards).expect("few")).map(Shard)
    }

    /// Whether all is well: every event applied, every shard exported, and the shares fair.
    pub(super) fn is_settled(&self) -> bool {
        let processes = self.slots.iter().map(|place| place.process.as_ref());
        let processes: Vec<&Replica> = processes.flatten().collect();
        let (replicas, shards) = (self.slots.len(), self.plan.shards);
        let fair = shards / replicas..=shards.div_ceil(replicas);
        processes.len() == replicas
            && self.database.inbox.is_empty()
            && !self.database.is_open()
            && self
                .deliveries
                .iter()
                .all(|delivery| delivery.is_acknowledged)
            && processes.iter().all(|one| fair.contains(&one.owned()))
            && self.shards().all(|shard| {
                let mut permits = processes.iter().map(|one| one.permit(self.now));
                permits.any(|permit| permit.includes(shard))
            })
    }

    /// Acknowledged events are counted once.
    pub(super) fn judge(&self) -> Result<(), String> {
        for event in &self.plan.acknowledged {
            let account = &self.database.accounts[event.account];
            if !account.keys.contains(&event.key) {
                return Err(format!("{event:?} was acknowledged and is lost"));
            }
        }
        let miscounted = |account: &Account| account.count != account.keys.len() as u64;
        match self.database.accounts.iter().find(|one| miscounted(one)) {
            Some(account) => Err(format!("miscounted: {account:?}")),
            None => Ok(()),
        }
    }

    pub(super) fn describe(&self) -> String {
        let owned = self.slots.iter().map(|place| {
            let replica = place.process.as_ref();
            replica.map(|replica| (replica.owned(), place.is_paused))
        });
        let owned: Vec<_> = owned.collect();
        format!("{owned:?} {:#?}", self.database)
    }
}
