//! Counters of the store that exist before their first increment.

use prometheus::IntCounter;

use super::engine::StoreErrorReason;
use crate::state::{DriftKind, journal};
use crate::telemetry::Telemetry;

/// Creates counters before their first increment, so that `increase()` sees it. Opening the store does this; while
/// the store cannot be opened, the retrying caller does.
pub fn start_at_zero(telemetry: &Telemetry) {
    for reason in StoreErrorReason::ALL {
        let failures = &telemetry.store_commit_failures;
        failures.with_label_values(&[reason.as_str()]);
    }
    for (entity, attribute) in journal::shared_attributes() {
        for drift in [DriftKind::PollAlone, DriftKind::WebhookAlone] {
            drift_counter(telemetry, entity, attribute, drift);
        }
    }
}

pub(super) fn drift_counter(
    telemetry: &Telemetry,
    entity: &str,
    attribute: &str,
    drift: DriftKind,
) -> IntCounter {
    let attribute = format!("{entity}_{attribute}");
    let source = match drift {
        DriftKind::PollAlone => "poll",
        DriftKind::WebhookAlone => "webhook",
    };
    telemetry.drift.with_label_values(&[&attribute, source])
}
