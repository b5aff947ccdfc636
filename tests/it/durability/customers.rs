//! The logs of customers stay short, and contain the last state of each customer.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{Kind, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{
    ConversationKey, DeliveryKey, Event, Fact, PhoneNumberId, RecipientKey, Source, Timestamp,
    WabaId,
};
use whatsapp_business_exporter::store::{Location, Store};

use crate::support::store::opened;

/// Customers who write in each round.
const CUSTOMERS: u128 = 200;

/// Rounds, each of which is one commit. Without compaction, there would be five times as many entries as are allowed.
const ROUNDS: u128 = 60;

/// Each customer has a conversation, and is a recipient.
const WRITTEN: i64 = 2 * (CUSTOMERS * ROUNDS) as i64;

fn waba_id() -> WabaId {
    WabaId::parse("800100200300400").expect("digits")
}

fn message(customer: u128, round: u128) -> Event {
    let at = Timestamp::from_seconds(1_775_000_000 + 10 * round as i64);
    Event {
        waba_id: waba_id(),
        observed_at: at,
        source: Source::Webhook(DeliveryKey(round * CUSTOMERS + customer)),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse("900100200300400").expect("digits"),
            received_at: at,
            recipient: Some(RecipientKey(customer).into()),
            update: Update::Received {
                from: Some(ConversationKey(customer).into()),
                kind: Kind::Text,
                context: MessageContext::default(),
            },
        }),
    }
}

async fn watching(location: &Location) -> Store {
    let store = opened(location, Duration::from_secs(86_400)).await;
    let watched = store.watch(BTreeSet::from([waba_id()])).await;
    watched.expect("a readable account");
    store
}

#[tokio::test]
async fn a_log_is_compacted_and_restores_every_customer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let location = Location::File(path.clone());
    let store = watching(&location).await;
    for round in 0..ROUNDS {
        // The first customers stop writing halfway: only compaction moves their entries.
        let first = if round < ROUNDS / 2 { 0 } else { CUSTOMERS / 4 };
        let events = (first..CUSTOMERS).map(|customer| message(customer, round));
        store.commit(events.collect()).await.expect("a sound store");
    }
    let before = store.account(&waba_id()).expect("it is watched");
    store.close().await;
    drop(store);
    let options = SqliteConnectOptions::new().filename(&path);
    let connection = SqliteConnection::connect_with(&options).await;
    let mut connection = connection.expect("a database");
    let entries = sqlx::query_scalar("SELECT SUM(entries) FROM customer_segments");
    let entries: i64 = entries.fetch_one(&mut connection).await.expect("a number");
    connection.close().await.expect("in good order");
    assert!(entries < WRITTEN / 4, "{entries} of {WRITTEN}");
    let store = watching(&location).await;
    assert_eq!(store.account(&waba_id()), Some(before));
    store.close().await;
}
