//! Changes of the last thirty days after a restart: on the status page, and in the store.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::WabaId;
use whatsapp_business_exporter::store::{Location, Recent};

use super::backfill::{DAY, write_thirty_days};
use super::deliveries::WABA;
use super::service::Service;
use crate::http::get;
use crate::support::store::{NewStore, of_each_engine, opened};

const RATING: [(&str, &str); 1] = [("phone_number", "quality_rating")];

/// The newest ratings of this account, by a store that keeps its history for so long.
async fn recent(
    location: &Location,
    kept_for: Duration,
    waba_id: &str,
    limit: u32,
) -> (Vec<String>, u64) {
    let store = opened(location, kept_for).await;
    let accounts = BTreeSet::from([WabaId::parse(waba_id).expect("digits")]);
    let now = clock::now();
    let window = (now.minus(DAY * 25), now);
    let recent = store
        .history()
        .recent(&accounts, &RATING, window, limit)
        .await;
    let Recent {
        rows,
        complete_since,
    } = recent.expect("a readable history");
    store.close().await;
    let values = rows.into_iter().map(|row| row.to).collect();
    let days = now.since(complete_since).as_secs_f64() / DAY.as_secs_f64();
    (values, days.round() as u64)
}

#[tokio::test]
async fn the_newest_steps_are_read_and_from_when_on_they_are_all() {
    for NewStore { location, .. } in &of_each_engine() {
        write_thirty_days(location).await;
        let recent = |days, waba_id, limit| recent(location, DAY * days, waba_id, limit);
        let all = ["YELLOW", "RED", "GREEN"].map(str::to_owned).to_vec();
        assert_eq!(recent(400, WABA, 10).await, (all.clone(), 25));
        let newest = all[1..].to_vec();
        assert_eq!(recent(400, WABA, 2).await, (newest, 10), "too many");
        assert_eq!(recent(400, "1", 10).await, (vec![], 25), "another's");
        let (_, days) = recent(8, WABA, 10).await;
        assert_eq!(days, 8, "what is older is forgotten");
    }
}

#[test]
fn thirty_days_are_on_the_page_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let location = Location::File(folder.path().join("state.db"));
    runtime.block_on(write_thirty_days(&location));
    let service = Service::start(folder.path());
    let told = get(service.address, "/api/v1/status", "").expect("it answers");
    let told: Value = serde_json::from_str(&told.body).expect("JSON");
    let timeline = &told["accounts"][0]["phone_numbers"][0]["timelines"]["quality_rating"];
    let segments = timeline.as_array().expect("a list").iter();
    let values: Vec<&str> = segments.filter_map(|one| one["value"].as_str()).collect();
    assert_eq!(values, ["GREEN", "YELLOW", "RED", "GREEN"], "{timeline}");
    let page = get(service.address, "/", "").expect("it answers").body;
    let page = page.replace('\u{a0}', " ");
    assert!(
        page.contains("then YELLOW for 10 days, then RED for 5 days, then GREEN since"),
        "{page}"
    );
}
