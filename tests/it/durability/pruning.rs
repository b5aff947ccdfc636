//! History older than the retention is deleted, except values that are still in force.

use std::time::{Duration, Instant};

use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::store::{HistoryQuery, HistoryReader};

use super::backfill::{DAY, write_thirty_days};

use crate::support::store::{NewStore, of_each_engine, opened};

/// Only a failure waits as long as this.
const DEADLINE: Duration = Duration::from_secs(120);

async fn ratings(history: &HistoryReader) -> Vec<String> {
    let question = HistoryQuery {
        waba_id: None,
        entity: None,
        entity_id: None,
        attribute: Some("quality_rating".to_owned()),
        since: Timestamp::from_millis(i64::MIN),
        until: Timestamp::from_millis(i64::MAX),
        after: None,
    };
    let rows = history.rows(&question, 100, 0).await;
    let rows = rows.expect("a readable history");
    rows.into_iter().map(|row| row.to).collect()
}

#[tokio::test]
async fn old_history_is_deleted_except_values_in_force() {
    // Nothing is pruned before Meta's time is known.
    clock::observe_delivery(clock::machine_time());
    for NewStore { location, .. } in &of_each_engine() {
        // GREEN 30 days ago, YELLOW 20, RED 10, GREEN 5.
        write_thirty_days(location).await;
        // The newest line is 5 days old, so that eight days before it are kept: YELLOW was in force then.
        let store = opened(location, DAY * 8).await;
        let began = Instant::now();
        while ratings(store.history()).await != ["YELLOW", "RED", "GREEN"] {
            let found = ratings(store.history()).await;
            assert!(began.elapsed() < DEADLINE, "{location:?}: {found:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        store.close().await;
    }
}
