//! Stores that tests open in their own process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::store::{HistoryQuery, Location, OpenError, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

const DEADLINE: Duration = Duration::from_secs(20);

/// Opens a store, which a test may just have closed. A process that another test starts inherits the file and its
/// lock until it has begun, so that the file can be in use for a moment longer.
pub async fn opened(location: &Location, kept_for: Duration) -> Store {
    let began = Instant::now();
    loop {
        match Store::open(location, kept_for, Arc::new(Telemetry::new())).await {
            Err(OpenError::InUse { .. }) if began.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            result => return result.expect("a store that opens"),
        }
    }
}

/// The query of the whole history.
pub fn every_line() -> HistoryQuery {
    HistoryQuery {
        waba_id: None,
        entity: None,
        entity_id: None,
        attribute: None,
        since: Timestamp::from_millis(i64::MIN),
        until: Timestamp::from_millis(i64::MAX),
        after: None,
    }
}
