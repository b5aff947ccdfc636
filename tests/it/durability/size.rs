//! How large the store is.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::domain::template::{Category, Snapshot, Status, Totals};
use whatsapp_business_exporter::domain::{
    CanSendMessage, EntityHealth, Event, Fact, Health, HealthEntity, Listing, MessagingLimit,
    PhoneNumberId, QualityRating, Source, TemplateId, Timestamp, WabaId, Word as _, account,
    number,
};
use whatsapp_business_exporter::store::{Location, Store};

use crate::support::store::opened;

const ACCOUNTS: u64 = 25;

const TEMPLATES: u64 = 200;

/// Maximum size of the store per template, in bytes. Includes the journal and the accounts.
const MAX_BYTES: u64 = 350;

/// A template as most are, in an account that has some of each category.
fn snapshot(account: u64, template: u64) -> Snapshot {
    let categories = [
        Category::Marketing,
        Category::Utility,
        Category::Authentication,
    ];
    let id = 600_000_000_000_000 + template * 7_919_001 + account;
    Snapshot {
        name: Some(format!("order_update_{template}").into()),
        language: Some("en_US".into()),
        status: Some(Status::Approved),
        category: Some(categories[(template % 3) as usize]),
        quality_rating: Some(QualityRating::Green),
        ..Snapshot::new(TemplateId::parse(&id.to_string()).expect("digits"))
    }
}

#[tokio::test]
async fn a_template_takes_less_than_half_a_kilobyte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let location = Location::File(path.clone());
    let store = opened(&location, Duration::from_secs(400 * 86_400)).await;
    let accounts = (0..ACCOUNTS).map(|account| format!("8010000000000{account:02}"));
    let accounts: Vec<WabaId> = accounts.filter_map(|id| WabaId::parse(&id)).collect();
    let watched: BTreeSet<WabaId> = accounts.iter().cloned().collect();
    store.watch(watched).await.expect("a sound store");
    for (account, waba_id) in (0..).zip(&accounts) {
        let listing = Listing {
            objects: (0..TEMPLATES)
                .map(|template| snapshot(account, template))
                .collect(),
            complete: true,
        };
        let listed = Event {
            waba_id: waba_id.clone(),
            observed_at: Timestamp::from_seconds(1_775_000_000 + account as i64),
            source: Source::Poll,
            fact: Fact::TemplatesListed(listing, Totals::default()),
        };
        store.commit(vec![listed]).await.expect("a sound store");
    }
    store.close().await;
    let bytes = std::fs::metadata(&path).expect("a file").len();
    let each = bytes / (ACCOUNTS * TEMPLATES);
    assert!(each < MAX_BYTES, "{each} bytes each");
}

/// Bytes of a page of the database in its write-ahead log.
const PAGE_BYTES: u64 = 4_096 + 24;

fn health() -> Health {
    let kinds = [
        HealthEntity::PhoneNumber,
        HealthEntity::Waba,
        HealthEntity::App,
    ];
    let entities = kinds.map(|kind| EntityHealth {
        kind,
        can_send_message: CanSendMessage::Available,
    });
    Health {
        can_send_message: CanSendMessage::Available,
        entities: entities.into(),
    }
}

/// The facts of a refresh of an account with five numbers and ten templates, one commit each.
fn refresh(waba_id: &WabaId, second: i64, limit: u64) -> [Event; 3] {
    let number = |which: u64| {
        let id = (900_100_200_300_400 + which).to_string();
        let id = PhoneNumberId::parse(&id).expect("digits");
        number::Snapshot {
            display_phone_number: Some(format!("+1 555-010-01{which:02}")),
            quality_rating: Some(QualityRating::Green),
            status: Some(number::Status::Connected),
            messaging_limit: Some(MessagingLimit::Customers(limit)),
            verified_name: Some("Café Lumière".into()),
            account_mode: Some(number::AccountMode::parse("LIVE")),
            platform_type: Some(number::PlatformType::parse("CLOUD_API")),
            throughput_level: Some(number::ThroughputLevel::parse("STANDARD")),
            name_status: Some(number::NameStatus::parse("APPROVED")),
            new_name_status: Some(number::NameStatus::parse("NONE")),
            code_verification_status: Some(number::CodeVerificationStatus::parse("VERIFIED")),
            health: Some(health()),
            ..number::Snapshot::new(id)
        }
    };
    let numbers = Listing {
        objects: (0..5).map(number).collect(),
        complete: true,
    };
    let templates = Listing {
        objects: (0..10).map(|template| snapshot(0, template)).collect(),
        complete: true,
    };
    let account = account::Snapshot {
        name: Some("Café Lumière".into()),
        currency: Some("EUR".into()),
        timezone_id: Some("138".into()),
        review_status: Some(account::ReviewStatus::parse("APPROVED")),
        status: Some(account::Status::Active),
        messaging_limit: Some(MessagingLimit::Customers(limit)),
        health: Some(health()),
        webhook_subscribed: Some(true),
        ..account::Snapshot::default()
    };
    let facts = [
        Fact::AccountRead(account),
        Fact::NumbersListed(numbers),
        Fact::TemplatesListed(templates, Totals::default()),
    ];
    facts.map(|fact| Event {
        waba_id: waba_id.clone(),
        observed_at: Timestamp::from_seconds(1_775_000_000 + second),
        source: Source::Poll,
        fact,
    })
}

async fn commit_each(store: &Store, events: impl IntoIterator<Item = Event>) {
    for event in events {
        store.commit(vec![event]).await.expect("a sound store");
    }
}

#[tokio::test]
async fn a_refresh_that_finds_nothing_new_writes_only_its_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let location = Location::File(path.clone());
    let waba_id = WabaId::parse("800100200300400").expect("digits");
    let for_ever = Duration::from_secs(100 * 365 * 86_400);
    let store = opened(&location, for_ever).await;
    let watched = BTreeSet::from([waba_id.clone()]);
    store.watch(watched.clone()).await.expect("a sound store");
    // As many as an account remembers; the second adds the newest times of the values.
    for round in 0..70 {
        commit_each(&store, refresh(&waba_id, round * 300, 1_000)).await;
    }
    let log = folder.path().join("state.db-wal");
    let size = || std::fs::metadata(&log).expect("a log").len();
    let before = size();
    for round in 70..80 {
        commit_each(&store, refresh(&waba_id, round * 300, 1_000)).await;
    }
    // For each of three commits, a page with its number and one with the times of the polls.
    assert_eq!((size() - before) / 10, 3 * 2 * PAGE_BYTES);
    // The times of what was not written are those of the last refresh nevertheless.
    let [_, numbers, _] = refresh(&waba_id, 80 * 300, 10_000);
    commit_each(&store, [numbers]).await;
    let known = store.snapshot();
    store.close().await;
    drop(store);
    let store = opened(&location, for_ever).await;
    store.watch(watched).await.expect("a sound store");
    assert_eq!(store.snapshot(), known);
    store.close().await;
}
