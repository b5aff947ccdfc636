//! Several stores on one database, as replicas have them: each event counts once, whichever store commits it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{Kind, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{
    DeliveryKey, Event, Fact, PhoneNumberId, Sharding, Source, Timestamp, WabaId,
};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use crate::support::postgres::shared;
use crate::support::store::every_line;

/// Longer than the hold-off after a crash, on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Accounts in as many shards.
const ACCOUNTS: usize = 12;

pub fn accounts() -> Vec<WabaId> {
    let ids = (0..).map(|id| (800_100_200_300_400_u64 + id).to_string());
    let ids = ids.map(|id| WabaId::parse(&id).expect("digits"));
    let mut shards = BTreeSet::new();
    let of_new_shard = ids.filter(|id| shards.insert(Sharding::SHARED.of_account(id)));
    of_new_shard.take(ACCOUNTS).collect()
}

pub fn message(waba_id: &WabaId, key: u128) -> Event {
    let at = Timestamp::from_seconds(1_775_000_000);
    Event {
        waba_id: waba_id.clone(),
        observed_at: at,
        source: Source::Webhook(DeliveryKey(key)),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse("900100200300400").expect("digits"),
            received_at: at,
            recipient: None,
            update: Update::Received {
                from: None,
                kind: Kind::Text,
                context: MessageContext::default(),
            },
        }),
    }
}

pub async fn replica(location: &Location) -> Store {
    let kept_for = Duration::from_secs(86_400);
    let store = Store::open(location, kept_for, Arc::new(Telemetry::new())).await;
    let store = store.expect("a store that opens");
    let watched = store.watch(accounts().into_iter().collect()).await;
    watched.expect("readable accounts");
    store
}

/// The messages that a replica exports of an account. `None` if it does not export it.
pub fn received(store: &Store, waba_id: &WabaId) -> Option<u64> {
    let account = store.account(waba_id)?;
    let counts = account
        .traffic()
        .flat_map(|traffic| traffic.received.iter());
    Some(counts.map(|(_, count)| count).sum())
}

/// Waits until each account is exported by one of the replicas, with this count.
pub async fn until_each_has(stores: &[&Store], count: u64) {
    let began = Instant::now();
    for waba_id in accounts() {
        loop {
            let found: Vec<u64> = stores
                .iter()
                .filter_map(|store| received(store, &waba_id))
                .collect();
            assert!(
                found.iter().all(|found| *found <= count),
                "{waba_id}: {found:?}"
            );
            if found == [count] {
                break;
            }
            assert!(
                began.elapsed() < DEADLINE,
                "{waba_id}: {found:?} instead of {count}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub async fn commit(store: &Store, key: u128) {
    let all = accounts().into_iter().enumerate();
    let events = all.map(|(place, waba_id)| message(&waba_id, key + place as u128));
    // One delivery for all accounts: those of the other replica go to its inbox.
    store.commit(events.collect()).await.expect("a sound store");
}

pub fn location(database: &str) -> Location {
    Location::Server(Box::new(super::options(&shared().url(database))))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_counts_once_whichever_replica_commits_it() {
    let url = shared().new_database();
    let location = Location::Server(Box::new(super::options(&url)));
    let (one, other) = (replica(&location).await, replica(&location).await);
    until_each_has(&[&one, &other], 0).await;
    let exported = |store: &Store| {
        accounts()
            .iter()
            .filter(|id| received(store, id).is_some())
            .count()
    };
    let began = Instant::now();
    while exported(&one) == 0 || exported(&other) == 0 {
        assert!(began.elapsed() < DEADLINE, "each has a share");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    commit(&one, 1_000).await;
    until_each_has(&[&one, &other], 1).await;
    // A repeat at the other replica, and something new.
    commit(&other, 1_000).await;
    commit(&other, 2_000).await;
    until_each_has(&[&one, &other], 2).await;
    // A replica that leaves gives its shards to the other at once, with all that was committed.
    commit(&one, 3_000).await;
    one.close().await;
    until_each_has(&[&other], 3).await;
    commit(&other, 3_000).await;
    commit(&other, 4_000).await;
    until_each_has(&[&other], 4).await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_sessions_end() {
    let url = shared().new_database();
    let database = url.rsplit('/').next().expect("a name").to_owned();
    let database = database.split('?').next().expect("a name").to_owned();
    let location = location(&database);
    let (one, other) = (replica(&location).await, replica(&location).await);
    until_each_has(&[&one, &other], 0).await;
    for round in 1..=5 {
        // As after a failover or a restart of the server: every writer loses its session, and all locks.
        shared().execute(
            &database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        let began = Instant::now();
        let (mut turn, key) = (0, u128::from(round) * 1_000);
        // The sender repeats until it is acknowledged, at one replica and then the other, as Meta does through a proxy.
        loop {
            let store = if turn % 2 == 0 { &one } else { &other };
            turn += 1;
            let all = accounts().into_iter().enumerate();
            let events = all.map(|(place, waba_id)| message(&waba_id, key + place as u128));
            if store.commit(events.collect()).await.is_ok() {
                break;
            }
            assert!(began.elapsed() < DEADLINE, "no replica accepts commits");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        until_each_has(&[&one, &other], round).await;
    }
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough_to_read() {
    let url = shared().new_database();
    let mut options = super::options(&url);
    options.max_connections = 1;
    let store = replica(&Location::Server(Box::new(options))).await;
    until_each_has(&[&store], 0).await;
    let database = url.rsplit('/').next().expect("a name");
    let listens = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    let began = Instant::now();
    while shared().execute(database, listens) != "1" {
        assert!(began.elapsed() < DEADLINE, "it listens to other replicas");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rows = store.history().rows(&every_line(), 100, 0).await;
    assert!(rows.expect("a connection").is_empty());
    store.close().await;
}
