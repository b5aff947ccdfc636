//! One transaction: deliveries that were received, and rows of the inbox.

use std::collections::{BTreeMap, BTreeSet};

use whatsapp_business_exporter::cluster::{InboxBatch, Routed, route};
use whatsapp_business_exporter::domain::Shard;

use super::{Doing, Replica};
use crate::cluster_simulation::database::shard_of;
use crate::cluster_simulation::wire::{Account, Commit, Request, Written};

impl Replica {
    /// One transaction of all that waits.
    pub(super) fn commit(&mut self) {
        let owns = |shard| self.member.epoch(shard).is_some();
        let shards = self.shards;
        let batch = InboxBatch::new(std::mem::take(&mut self.rows), owns);
        let deliveries = std::mem::take(&mut self.waiting);
        let received = deliveries.iter().flat_map(|(_, events)| events.clone());
        let Routed { local, foreign } =
            route(received, |event| shard_of(event.account, shards), owns);

        let mut staged: BTreeMap<usize, Account> = BTreeMap::new();
        let mut written: BTreeMap<usize, Written> = BTreeMap::new();
        let ids = batch.ids();
        let rows = batch.into_rows();
        let mut touched: BTreeSet<Shard> = rows.iter().map(|row| row.shard).collect();
        let applied = rows.iter().flat_map(|row| &row.events);
        for event in applied.chain(&local) {
            touched.insert(shard_of(event.account, shards));
            let account = staged.entry(event.account).or_insert_with(|| {
                let known = self.memory.get(&event.account);
                known.cloned().unwrap_or_default()
            });
            let is_new = account.keys.insert(event.key);
            if is_new || !self.rules.dedupe {
                account.count += 1;
            }
            let written = written.entry(event.account).or_insert(Written {
                account: event.account,
                count: 0,
                keys: Vec::new(),
            });
            written.count = account.count;
            written.keys.push(event.key);
        }
        let fences = touched.into_iter();
        let fences = fences.filter_map(|shard| Some((shard, self.member.epoch(shard)?)));
        let notifies = !foreign.is_empty();
        let commit = Commit {
            fences: fences.collect(),
            written: written.into_values().collect(),
            deletes: ids,
            inserts: foreign.into_iter().collect(),
        };
        let doing = Doing::Committing {
            staged,
            deliveries,
            notifies,
        };
        self.send(doing, Request::Commit(commit));
    }
}
