//! Every drill fires its alert, with the real program, a real Prometheus, and the shipped rules at 60 times their pace.

use std::time::Duration;

use crate::durability::service::{NO_META, Service, variables};
use crate::process::{program, until};
use crate::prometheus::server::Prometheus;

/// Seconds for minutes.
const TIMES: f64 = 60.0;

/// The longest `for` is fifteen of them.
const PATIENCE: Duration = Duration::from_secs(120);

const DRILLS: &[(&str, &str)] = &[
    ("number-yellow", "WhatsAppNumberQualityMedium"),
    ("number-red", "WhatsAppNumberQualityLow"),
    ("number-flagged", "WhatsAppNumberFlagged"),
    (
        "number-flagged-deadline",
        "WhatsAppNumberFlaggedDeadlineNear",
    ),
    ("number-banned", "WhatsAppNumberBanned"),
    ("number-cannot-send", "WhatsAppNumberCannotSend"),
    ("template-paused", "WhatsAppTemplatePaused"),
    ("template-disabled", "WhatsAppTemplateDisabled"),
    ("account-restricted", "WhatsAppAccountRestricted"),
    (
        "account-disable-scheduled",
        "WhatsAppAccountDisableScheduled",
    ),
    ("account-disabled", "WhatsAppAccountDisabled"),
];

#[test]
fn every_drill_fires_its_alert() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let prometheus = Prometheus::with_rules(service.address, TIMES);
    let url = format!("--url=http://{}/webhook", service.address);
    for (signal, alert) in DRILLS {
        let signal = format!("--signal={signal}");
        // The next drill replaces this one.
        let drill = program(&["drill", NO_META, &url, &signal], &variables());
        let firing = format!(
            "ALERTS{{alertstate=\"firing\",alertname=\"{alert}\",waba_id=\"000000000000000\"}}"
        );
        until(alert, PATIENCE, || {
            prometheus
                .value(&firing)
                .map_err(|error| format!("{error} {drill:?}"))
        });
    }
}
