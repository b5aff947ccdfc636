//! A database with many accounts, as polls have read them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::runtime::Runtime;
use whatsapp_business_exporter::domain::template::{Category, Snapshot, Status, Totals};
use whatsapp_business_exporter::domain::{
    Event, Fact, Listing, QualityRating, Source, TemplateId, Timestamp, WabaId, account,
};
use whatsapp_business_exporter::store::Location;

use crate::support::store::opened;

/// Accounts whose events are committed together.
const AT_ONCE: usize = 50;

const KEPT_FOR: Duration = Duration::from_secs(86_400);

/// The ids of so many accounts.
pub fn fleet(accounts: u64) -> Vec<String> {
    let id = |account: u64| (801_000_000_000_000 + account).to_string();
    (0..accounts).map(id).collect()
}

/// Stores these accounts with so many templates each, and closes the store.
pub fn fill(store_url: &str, accounts: &[String], templates: u64) {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let location = Location::Server(Box::new(crate::postgres::options(store_url)));
        let store = opened(&location, KEPT_FOR).await;
        let waba_ids: Vec<WabaId> = accounts.iter().filter_map(|id| WabaId::parse(id)).collect();
        let watched: BTreeSet<WabaId> = waba_ids.iter().cloned().collect();
        store.watch(watched).await.expect("a sound store");
        let numbered: Vec<(u64, &WabaId)> = (0..).zip(&waba_ids).collect();
        for some in numbered.chunks(AT_ONCE) {
            let events = some
                .iter()
                .flat_map(|(account, waba_id)| read(*account, waba_id, templates));
            store.commit(events.collect()).await.expect("a sound store");
        }
        store.leave().await;
        store.close().await;
    });
}

/// What a first poll of an account reads.
fn read(account: u64, waba_id: &WabaId, templates: u64) -> [Event; 2] {
    let template = |which: u64| {
        let id = (700_000_000_000_000 + account * 10_000 + which).to_string();
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
        name: Some(format!("Branch {account}")),
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
