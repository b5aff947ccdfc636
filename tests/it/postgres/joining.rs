//! A replica takes shards when it is ready, and only those that it can load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::{LaneKind, Lanes, Sharding, Timestamp, WabaId};
use whatsapp_business_exporter::store::{
    Location, RelayDelivery, RelayQueueConfig, ReplicaInfo, Store,
};
use whatsapp_business_exporter::telemetry::Telemetry;

use super::replicas::{DEADLINE, accounts, commit, location, received, replica, until_each_has};
use crate::support::postgres::shared;

const KEPT: Duration = Duration::from_secs(86_400);

/// Several heartbeats and looks into the inbox.
const QUIET: Duration = Duration::from_secs(3);

fn name(url: &str) -> String {
    let database = url.rsplit('/').next().expect("a name");
    database.split('?').next().expect("a name").to_owned()
}

async fn starting(location: &Location) -> Store {
    let info = ReplicaInfo::default();
    let opened = Store::open_as(info, location, KEPT, Arc::new(Telemetry::new())).await;
    opened.expect("a store that opens")
}

async fn relaying(store: &Store) {
    let config = RelayQueueConfig {
        upstreams: vec!["application".to_owned()],
        max_bytes: 1 << 20,
    };
    store.configure_relay(config).await.expect("a sound store");
}

fn delivery(waba_id: &WabaId) -> RelayDelivery {
    RelayDelivery {
        received_at: Timestamp::from_seconds(1_775_000_000),
        waba_ids: vec![waba_id.clone()],
        lanes: Lanes {
            kind: LaneKind::Messages,
            keys: vec![7],
        },
        signature: "sha256=00".to_owned(),
        body: waba_id.to_string().into_bytes().into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starting_replica_takes_no_shard_before_it_has_accounts_and_queues() {
    let url = shared().new_database();
    let (database, location) = (name(&url), location(&name(&url)));
    let one = replica(&location).await;
    relaying(&one).await;
    until_each_has(&[&one], 0).await;
    // It has no accounts and no upstreams yet, so it would drop both events and deliveries.
    let late = starting(&location).await;
    for waba_id in accounts() {
        let committed = one.commit_with(vec![], Some(delivery(&waba_id))).await;
        committed.expect("a sound store");
    }
    one.leave().await;
    let unowned = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(shared().execute(&database, unowned), "0");
    // No replica owns a shard, so all events wait in the inbox.
    commit(&one, 1_000).await;
    tokio::time::sleep(QUIET).await;
    assert!(late.shards().borrow().is_empty());
    assert_eq!(shared().execute(&database, unowned), "0");
    let inbox = "SELECT count(*) FROM whatsapp_exporter.inbox";
    assert_ne!(shared().execute(&database, inbox), "0");

    let watched: BTreeSet<WabaId> = accounts().into_iter().collect();
    late.watch(watched).await.expect("readable accounts");
    relaying(&late).await;
    late.join().await;
    until_each_has(&[&late], 1).await;
    let waiting = late.pending("application", 0, 100).await.expect("readable");
    assert_eq!(waiting.len(), accounts().len());
    one.close().await;
    late.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_cannot_be_loaded_affects_no_other() {
    let url = shared().new_database();
    let (database, location) = (name(&url), location(&name(&url)));
    let one = replica(&location).await;
    commit(&one, 1_000).await;
    until_each_has(&[&one], 1).await;
    one.close().await;
    drop(one);
    let damaged = accounts()[0].clone();
    let damage =
        format!("UPDATE whatsapp_exporter.traffic SET state = 'x' WHERE waba_id = '{damaged}'");
    shared().execute(&database, &damage);

    let (one, other) = (replica(&location).await, replica(&location).await);
    let stores = [&one, &other];
    let exported = || {
        let sound = accounts().into_iter().filter(|waba_id| *waba_id != damaged);
        let counts = sound.map(|waba_id| {
            let counts = stores.iter().filter_map(|store| received(store, &waba_id));
            counts.sum::<u64>()
        });
        counts.sum::<u64>()
    };
    let sound = accounts().len() as u64 - 1;
    let began = Instant::now();
    while exported() != sound {
        assert!(began.elapsed() < DEADLINE, "{}", exported());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // From now on, no shard moves: one replica has one more than the other, or as many.
    let owned = || stores.map(|store| store.shards().borrow().len());
    let but_one = usize::from(Sharding::SHARED.count()) - 1;
    let began = Instant::now();
    while owned().iter().sum::<usize>() != but_one || owned().iter().any(|one| *one < but_one / 2) {
        assert!(began.elapsed() < DEADLINE, "{:?}", owned());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shard = Sharding::SHARED.of_account(&damaged);
    let began = Instant::now();
    while began.elapsed() < QUIET {
        assert_eq!(exported(), sound);
        assert!(
            stores
                .iter()
                .all(|store| !store.shards().borrow().contains(&shard))
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    one.close().await;
    other.close().await;
}
