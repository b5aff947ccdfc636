//! Copies of a store from SQLite to PostgreSQL and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use whatsapp_business_exporter::domain::{
    AccountSource, Assigned, Event, Fact, Listing, QualityRating, WabaId, number,
};
use whatsapp_business_exporter::store::copy::{CopiedContent, copy};
use whatsapp_business_exporter::store::{
    CopyError, Location, OpenError, RelayQueueConfig, Settlement, Store,
};

use super::queues::delivery;
use crate::process::program;
use crate::support::store::{NewStore, every_line, opened};
use crate::support::{at, by_webhook, number_id, polled, text_at, waba};

const DEADLINE: Duration = Duration::from_secs(120);

/// Longer than the story of the demo.
pub const KEPT: Duration = Duration::from_secs(400 * 86_400);

/// The store of the demo, which has a month of a whole business.
fn demo_store(folder: &Path) -> Location {
    let temporary = folder.join("tmp");
    fs::create_dir(&temporary).expect("room");
    let variables = [("TMPDIR".to_owned(), temporary.display().to_string())];
    let demo = program(&["demo", "--web.listen-address=127.0.0.1:0"], &variables);
    demo.address_of_demo();
    // It cannot remove its store then.
    demo.signal(Signal::KILL);
    drop(demo);
    let folders = fs::read_dir(&temporary).expect("its folder");
    let mut files = folders.flat_map(|entry| {
        let files = fs::read_dir(entry.expect("an entry").path());
        files
            .into_iter()
            .flatten()
            .map(|file| file.expect("an entry").path())
    });
    let database = files.find(|path| path.extension().is_some_and(|extension| extension == "db"));
    Location::File(database.expect("a database"))
}

async fn accounts(location: &Location) -> BTreeSet<WabaId> {
    let Location::File(path) = location else {
        panic!("no file")
    };
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .expect("there");
    let query = sqlx::query_scalar("SELECT waba_id FROM accounts");
    let ids: Vec<String> = query.fetch_all(&mut connection).await.expect("readable");
    connection.close().await.expect("in good order");
    let ids = ids.iter().filter_map(|id| WabaId::parse(id));
    ids.chain([waba()]).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub async fn watching(location: &Location, watched: &BTreeSet<WabaId>) -> Store {
    let store = opened(location, KEPT).await;
    store.watch(watched.clone()).await.expect("a sound store");
    let upstreams = names(&["crm", "archive"]);
    let relay = RelayQueueConfig {
        upstreams,
        max_bytes: 1_000_000,
    };
    store.configure_relay(relay).await.expect("room");
    store.notify(names(&["pager", "log"])).await.expect("room");
    store
}

/// Closes a store. Its file is locked until it is dropped.
pub async fn closed(store: Store) {
    store.close().await;
}

/// A webhook that Meta may repeat.
pub fn repeated() -> Event {
    let snapshot = number::Snapshot {
        quality_rating: Some(QualityRating::Yellow),
        ..number::Snapshot::new(number_id(0))
    };
    by_webhook(0x00c0_ffee, 40, Fact::NumbersListed(listing(snapshot)))
}

fn listing(snapshot: number::Snapshot) -> Listing<number::Snapshot> {
    Listing {
        objects: vec![snapshot],
        complete: true,
    }
}

/// Adds deliveries and changes that wait, which the demo does not have.
async fn add_queues(store: &Store) {
    for (seconds, rating) in [(0, QualityRating::Green), (10, QualityRating::Red)] {
        let snapshot = number::Snapshot {
            quality_rating: Some(rating),
            ..number::Snapshot::new(number_id(0))
        };
        let event = polled(seconds, Fact::NumbersListed(listing(snapshot)));
        store.commit(vec![event]).await.expect("room");
    }
    for body in ["one", "two", "three"] {
        store
            .commit_with(vec![], Some(delivery(body)))
            .await
            .expect("room");
    }
    let waiting = store.pending("crm", 0, 100).await.expect("readable");
    let settlement = Settlement {
        settled: vec![waiting[0].delivery],
        parked: vec![(waiting[1].delivery, "expired")],
        unparked: vec![],
    };
    store.settle("crm", settlement).await.expect("room");
    let lost = Assigned {
        is_lost: true,
        ..Assigned::from_source(AccountSource::Token)
    };
    let found = store.remember("default", BTreeMap::from([(waba(), lost)]));
    found.await.expect("room");
    let settled = store.settled_signal("pager").await.expect("readable");
    let settled = settled.expect("a known receiver") + 1;
    store.settle_signals("pager", settled).await.expect("room");
}

/// Everything that can be read of a store, apart from the numbers of its changes.
async fn content(store: &Store) -> Vec<String> {
    let mut all = vec![text_at(&store.snapshot(), at(0))];
    let query = every_line();
    for page in 0.. {
        let rows = store.history().rows(&query, 1_000, page * 1_000);
        let rows = rows.await.expect("readable");
        if rows.is_empty() {
            break;
        }
        all.extend(rows.iter().map(|row| format!("{row:?}")));
    }
    for upstream in ["crm", "archive"] {
        for row in store.pending(upstream, 0, 100).await.expect("readable") {
            let content = store.contents(&[row.delivery]).await.expect("readable");
            all.push(format!(
                "{upstream} {row:?} {:?}",
                content[&row.delivery].body
            ));
        }
    }
    all.push(format!("{:?}", store.remembered().await));
    for receiver in ["pager", "log"] {
        let settled = store.settled_signal(receiver).await.expect("readable");
        let settled = settled.expect("a known receiver");
        let unread = store
            .signals(receiver, settled, 100)
            .await
            .expect("readable");
        all.extend(unread.iter().map(|one| format!("{receiver} {:?}", one.row)));
    }
    all
}

pub fn rows(copied: &[CopiedContent], table: &str) -> u64 {
    let found = copied.iter().find(|content| content.table == table);
    found.expect("a table").checksum.rows
}

#[tokio::test]
async fn a_copy_and_a_copy_back_have_everything_and_know_repeats() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = demo_store(folder.path());
    let watched = accounts(&first).await;
    let store = watching(&first, &watched).await;
    add_queues(&store).await;
    store.commit(vec![repeated()]).await.expect("room");
    let expected = content(&store).await;
    closed(store).await;

    let server = NewStore::postgres().location;
    let back = Location::File(folder.path().join("back.db"));
    let there = copied(&first, &server).await.expect("a copy");
    for content in &there {
        assert!(content.checksum.rows > 0, "{content:?}");
    }
    let again = copied(&server, &back).await.expect("a copy back");
    assert_eq!(there, again);
    assert_eq!(rows(&there, "relay_pending"), 5);

    for location in [&server, &back] {
        let store = watching(location, &watched).await;
        assert_eq!(content(&store).await, expected, "{location:?}");
        let changes = store
            .commit_with(vec![repeated()], None)
            .await
            .expect("room");
        assert!(changes[0].duplicate, "{location:?}: {changes:?}");
        let new = Event {
            observed_at: at(50),
            ..by_webhook(0x000d_ecaf, 50, repeated().fact)
        };
        let changes = store
            .commit_with(vec![new.clone()], None)
            .await
            .expect("room");
        assert!(!changes[0].duplicate, "{location:?}: {changes:?}");
        closed(store).await;
        // In the window of its shard now.
        let store = watching(location, &watched).await;
        for event in [new, repeated()] {
            let changes = store.commit_with(vec![event], None).await.expect("room");
            assert!(changes[0].duplicate, "{location:?}: {changes:?}");
        }
        closed(store).await;
    }

    // The shards have keys of their own by now.
    let third = Location::File(folder.path().join("third.db"));
    copied(&server, &third).await.expect("a third copy");
    let store = watching(&third, &watched).await;
    for event in [repeated(), by_webhook(0x000d_ecaf, 50, repeated().fact)] {
        let changes = store.commit_with(vec![event], None).await.expect("room");
        assert!(changes[0].duplicate, "{changes:?}");
    }
    closed(store).await;
}

/// The outcome of a copy when the file is not locked any more. A process that another test starts holds its lock for a
/// moment longer.
pub async fn tried(from: &Location, to: &Location) -> Result<Vec<CopiedContent>, CopyError> {
    let began = Instant::now();
    loop {
        match copy(from, to).await {
            Err(CopyError::Open(OpenError::InUse { .. })) if began.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome,
        }
    }
}

/// The outcome when no replica is connected any more: a session of PostgreSQL ends a moment after its client.
pub async fn copied(from: &Location, to: &Location) -> Result<Vec<CopiedContent>, CopyError> {
    let began = Instant::now();
    loop {
        match tried(from, to).await {
            Err(CopyError::InUse { .. }) if began.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome,
        }
    }
}

/// A small store.
pub async fn filled(location: &Location) {
    let store = watching(location, &BTreeSet::from([waba()])).await;
    store.commit(vec![repeated()]).await.expect("room");
    closed(store).await;
}
