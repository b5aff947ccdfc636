//! Which events of a batch this replica applies, and which it puts into the inbox of another.

use std::collections::{BTreeMap, BTreeSet};

use super::Committer;
use super::commit::Batch;
use crate::clock;
use crate::cluster::{Epoch, route};
use crate::domain::{Event, Shard, Source, WabaId};
use crate::store::StoreUnavailable;
use crate::store::engine::InboxInsert;
use crate::store::inbox_events::{self, NotStorable};
use crate::store::relay_queue::RelayDelivery;

impl Committer {
    /// Separates events and deliveries by the owners of their shards. Returns the places of the own events among all.
    pub(super) fn route<'a>(
        &self,
        events: &[&'a Event],
        batch: &mut Batch<'a>,
    ) -> Result<Vec<usize>, StoreUnavailable> {
        // A reload may have disabled the relay since the deliveries were received.
        if self.relay_config.upstreams.is_empty() {
            batch.deliveries.clear();
        }
        if self.replica.is_none() {
            batch.events = events.to_vec();
            return Ok((0..events.len()).collect());
        }
        let sharding = self.state.sharding();
        let owns = |shard| self.owns(shard);
        let numbered = events.iter().copied().enumerate();
        let routed = route(
            numbered,
            |(_, event)| sharding.of_account(&event.waba_id),
            owns,
        );
        let (places, own) = routed.local.into_iter().unzip();
        batch.events = own;
        let deliveries = std::mem::take(&mut batch.deliveries);
        let deliveries = route(
            deliveries,
            |delivery| self.shard_of_delivery(delivery),
            owns,
        );
        batch.deliveries = deliveries.local;
        let inbox = self.inbox_rows(routed.foreign, deliveries.foreign);
        batch.inbox = inbox.map_err(|error| StoreUnavailable::not_storable(&error))?;
        Ok(places)
    }

    fn inbox_rows(
        &self,
        mut events: BTreeMap<Shard, Vec<(usize, &Event)>>,
        mut deliveries: BTreeMap<Shard, Vec<RelayDelivery>>,
    ) -> Result<Vec<InboxInsert>, NotStorable> {
        let shards: BTreeSet<Shard> = events.keys().chain(deliveries.keys()).copied().collect();
        let received_ms = clock::now().as_millis();
        let mut rows = Vec::new();
        for shard in shards {
            let of_shard = events.remove(&shard).unwrap_or_default();
            // A poll of an account that has moved to another replica, which polls it too.
            let of_shard = of_shard
                .into_iter()
                .map(|(_, event)| event)
                .filter(|event| event.source != Source::Poll);
            let of_shard: Vec<&Event> = of_shard.collect();
            let mut of_relay = deliveries.remove(&shard).unwrap_or_default().into_iter();
            let delivery = of_relay.next();
            if !of_shard.is_empty() || delivery.is_some() {
                rows.push(InboxInsert {
                    shard,
                    received_ms,
                    events: inbox_events::encode(of_shard)?,
                    delivery,
                });
            }
            // A row has at most one delivery.
            rows.extend(of_relay.map(|delivery| InboxInsert {
                shard,
                received_ms,
                events: inbox_events::NONE.to_owned(),
                delivery: Some(delivery),
            }));
        }
        Ok(rows)
    }

    /// The shard of a delivery is that of its first account.
    pub(super) fn shard_of_delivery(&self, delivery: &RelayDelivery) -> Shard {
        let first = delivery.waba_ids.first().map_or("", WabaId::as_str);
        self.state.sharding().of_key(first)
    }

    /// The shards that a commit of this batch needs, with their epochs. Empty for a store of one process.
    pub(super) fn shards_of(
        &self,
        events: &[&Event],
        deliveries: &[RelayDelivery],
        applied: &[(i64, Shard)],
    ) -> BTreeMap<Shard, Epoch> {
        let Some(replica) = &self.replica else {
            return BTreeMap::new();
        };
        let sharding = self.state.sharding();
        let of_events = events
            .iter()
            .map(|event| sharding.of_account(&event.waba_id));
        let of_deliveries = deliveries.iter().map(|one| self.shard_of_delivery(one));
        let of_rows = applied.iter().map(|(_, shard)| *shard);
        let shards = of_events.chain(of_deliveries).chain(of_rows);
        let shards = shards.filter_map(|shard| Some((shard, replica.member.epoch(shard)?)));
        shards.collect()
    }
}
