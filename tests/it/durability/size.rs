//! How large the store is.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::domain::template::{Category, Snapshot, Status, Totals};
use whatsapp_business_exporter::domain::{
    Event, Fact, Listing, QualityRating, Source, TemplateId, Timestamp, WabaId,
};
use whatsapp_business_exporter::store::Location;

use crate::support::store::opened;

const ACCOUNTS: u64 = 25;

const TEMPLATES: u64 = 200;

/// Bytes of a template in the store, with its lines of the journal and its share of what is there once.
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
