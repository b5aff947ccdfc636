//! A database with many accounts, as polls have read them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::runtime::Runtime;
use whatsapp_business_exporter::domain::template::{Category, Snapshot, Status, Totals};
use whatsapp_business_exporter::domain::{
    Event, Fact, Listing, QualityRating, Source, TemplateId, Timestamp, WabaId, account,
};
use whatsapp_business_exporter::store::Location;

use super::replicas::DATABASE;
use crate::support::postgres::PostgresServer;
use crate::support::store::opened;

const KEPT_FOR: Duration = Duration::from_secs(86_400);

/// The ids of so many accounts.
pub fn fleet(accounts: u64) -> Vec<String> {
    let id = |account: u64| (801_000_000_000_000 + account).to_string();
    (0..accounts).map(id).collect()
}

/// Stores these accounts with so many templates each: the first by a store, the others as copies of its rows, because
/// the state of many templates takes long to compute.
pub fn fill(server: &PostgresServer, accounts: &[String], templates: u64) {
    let first = WabaId::parse(&accounts[0]).expect("digits");
    let location = Location::Server(Box::new(crate::postgres::options(&server.url(DATABASE))));
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = opened(&location, KEPT_FOR).await;
        let watched = BTreeSet::from([first.clone()]);
        store.watch(watched).await.expect("a sound store");
        let events = read(&first, templates);
        store.commit(events.into()).await.expect("a sound store");
        store.leave().await;
        store.close().await;
    });
    let others: Vec<String> = accounts[1..].iter().map(|id| format!("('{id}')")).collect();
    let others = others.join(", ");
    for (table, columns) in [
        ("accounts", "state, business_id"),
        ("refreshes", "saved_ms, state"),
        ("template_pages", "first_id, template_ids, state"),
    ] {
        server.execute(
            DATABASE,
            &format!(
                "INSERT INTO whatsapp_exporter.{table} (waba_id, {columns}) \
                 SELECT other.id, {columns} FROM whatsapp_exporter.{table}, (VALUES {others}) AS other (id)"
            ),
        );
    }
}

/// The facts of a first poll of an account.
fn read(waba_id: &WabaId, templates: u64) -> [Event; 2] {
    let template = |which: u64| {
        let id = (700_000_000_000_000 + which).to_string();
        Snapshot {
            name: Some(format!("order_update_{which}").into()),
            language: Some("en_US".into()),
            status: Some(Status::Approved),
            category: Some(Category::Utility),
            quality_rating: Some(QualityRating::Green),
            ..Snapshot::new(TemplateId::parse(&id).expect("digits"))
        }
    };
    let listing = Listing {
        objects: (0..templates).map(template).collect(),
        complete: true,
    };
    let node = account::Snapshot {
        name: Some("Branch".to_owned()),
        ..account::Snapshot::new()
    };
    [
        Fact::AccountRead(node),
        Fact::TemplatesListed(listing, Totals::default()),
    ]
    .map(|fact| Event {
        waba_id: waba_id.clone(),
        observed_at: Timestamp::from_seconds(1_775_000_000),
        source: Source::Poll,
        fact,
    })
}
