//! The queues of the relay and of notifications: the same with both engines, and complete after a takeover.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::domain::{
    Event, Fact, LaneKind, Lanes, Listing, QualityRating, WabaId, number,
};
use whatsapp_business_exporter::store::{
    Location, RelayDelivery, RelayQueueConfig, Settlement, Store,
};

use crate::support::store::{NewStore, of_each_engine, opened};
use crate::support::{at, number_id, polled, waba};

const DAY: Duration = Duration::from_secs(86_400);

async fn watching(location: &Location) -> Store {
    let store = opened(location, DAY).await;
    let watched = store.watch(BTreeSet::from([waba()])).await;
    watched.expect("a sound store");
    store
}

pub fn delivery(body: &'static str) -> RelayDelivery {
    RelayDelivery {
        received_at: at(0),
        waba_ids: vec![waba(), WabaId::parse("1").expect("digits")],
        lanes: Lanes {
            kind: LaneKind::Messages,
            keys: vec![7, u64::MAX],
        },
        signature: format!("sha256={body}"),
        body: body.into(),
    }
}

fn rated(seconds: i64, rating: QualityRating) -> Event {
    let snapshot = number::Snapshot {
        quality_rating: Some(rating),
        ..number::Snapshot::new(number_id(0))
    };
    let listing = Listing {
        objects: vec![snapshot],
        complete: true,
    };
    polled(seconds, Fact::NumbersListed(listing))
}

/// Bodies of the waiting deliveries, with whether each is parked.
async fn waiting(store: &Store, upstream: &str) -> Vec<(String, bool)> {
    let rows = store.pending(upstream, 0, 100).await.expect("readable");
    let mut found = Vec::new();
    for row in rows {
        assert_eq!(row.waba_ids, delivery("").waba_ids);
        assert_eq!(row.lanes, delivery("").lanes);
        let content = store.contents(&[row.delivery]).await.expect("readable");
        let content = &content[&row.delivery];
        let body = String::from_utf8_lossy(&content.body).into_owned();
        assert_eq!(content.signature, format!("sha256={body}"));
        assert_eq!(row.bytes, body.len());
        found.push((body, row.is_parked));
    }
    found
}

fn expected(bodies: &[(&str, bool)]) -> Vec<(String, bool)> {
    let bodies = bodies.iter();
    bodies
        .map(|(body, parked)| ((*body).to_owned(), *parked))
        .collect()
}

#[tokio::test]
async fn deliveries_wait_until_every_upstream_has_accepted_them() {
    for NewStore { location, .. } in &of_each_engine() {
        let store = watching(location).await;
        let config = |upstreams: &[&str]| RelayQueueConfig {
            upstreams: upstreams.iter().map(|name| (*name).to_owned()).collect(),
            max_bytes: 2_000,
        };
        store
            .configure_relay(config(&["a", "b"]))
            .await
            .expect("room");
        for body in ["one", "two", "three"] {
            let committed = store.commit_with(vec![], Some(delivery(body))).await;
            committed.expect("a sound store");
        }
        let all = [("one", false), ("two", false), ("three", false)];
        assert_eq!(waiting(&store, "a").await, expected(&all));
        let numbers = store.pending("a", 0, 100).await.expect("readable");
        let numbers: Vec<i64> = numbers.iter().map(|row| row.delivery).collect();
        let settlement = Settlement {
            settled: vec![numbers[0]],
            parked: vec![(numbers[1], "expired")],
            unparked: vec![],
        };
        store.settle("a", settlement).await.expect("room");
        store.close().await;
        drop(store);

        let store = watching(location).await;
        store
            .configure_relay(config(&["a", "b"]))
            .await
            .expect("room");
        let rest = expected(&[("two", true), ("three", false)]);
        assert_eq!(waiting(&store, "a").await, rest);
        assert_eq!(waiting(&store, "b").await, expected(&all));
        // A removed upstream keeps nothing.
        store.configure_relay(config(&["a"])).await.expect("room");
        assert_eq!(waiting(&store, "b").await, []);
        let unpark = Settlement {
            unparked: vec![numbers[1]],
            settled: vec![numbers[2]],
            ..Settlement::default()
        };
        store.settle("a", unpark).await.expect("room");
        assert_eq!(waiting(&store, "a").await, expected(&[("two", false)]));
        // The oldest deliveries make room for one that needs most of it.
        let large: &'static str = "-".repeat(800).leak();
        let committed = store.commit_with(vec![], Some(delivery(large))).await;
        committed.expect("a sound store");
        assert_eq!(waiting(&store, "a").await, expected(&[(large, false)]));
        store.close().await;
        drop(store);
    }
}

/// The values of the changes after this receiver's position, and the number of the last.
async fn unread(store: &Store, receiver: &str) -> (Vec<String>, i64) {
    let settled = store.settled_signal(receiver).await.expect("readable");
    let settled = settled.expect("a known receiver");
    let signals = store
        .signals(receiver, settled, 100)
        .await
        .expect("readable");
    let last = signals.last().map_or(settled, |last| last.number);
    (signals.into_iter().map(|one| one.row.to).collect(), last)
}

#[tokio::test]
async fn each_receiver_reads_the_changes_that_it_has_not_accepted() {
    for NewStore { location, .. } in &of_each_engine() {
        let store = watching(location).await;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        store.notify(names(&["a", "b"])).await.expect("room");
        let ratings = [
            QualityRating::Green,
            QualityRating::Yellow,
            QualityRating::Red,
        ];
        for (rating, seconds) in ratings.into_iter().zip([0, 10, 20]) {
            let committed = store.commit(vec![rated(seconds, rating)]).await;
            committed.expect("a sound store");
        }
        let (all, last) = unread(&store, "a").await;
        assert_eq!(all.last().map(String::as_str), Some("RED"), "{all:?}");
        store.settle_signals("a", last - 1).await.expect("room");
        store.close().await;
        drop(store);

        let store = watching(location).await;
        assert_eq!(unread(&store, "a").await.0, ["RED"]);
        assert_eq!(unread(&store, "b").await.0, all);
        store.notify(names(&["a", "b", "c"])).await.expect("room");
        assert_eq!(unread(&store, "c").await.0, [""; 0], "it is new");
        let green = rated(30, QualityRating::Green);
        store.commit(vec![green]).await.expect("a sound store");
        assert_eq!(unread(&store, "a").await.0, ["RED", "GREEN"]);
        assert_eq!(unread(&store, "c").await.0, ["GREEN"]);
        let (_, last) = unread(&store, "a").await;
        store.settle_signals("a", last).await.expect("room");
        assert_eq!(unread(&store, "a").await.0, [""; 0]);
        store.close().await;
        drop(store);
    }
}
