//! Values that are read from the exporter's own metrics, once per response.

use std::collections::BTreeMap;

use crate::domain::{Collector, Timestamp, WabaId};
use crate::telemetry::{FailingPolls, Labelled, Telemetry};

/// The current values of the exporter's own metrics.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub accepted: u64,
    pub duplicates: u64,
    pub too_late: u64,
    pub unwatched: u64,
    pub refused: BTreeMap<String, u64>,
    pub is_reloaded: bool,
    /// Apps whose last discovery of accounts was not complete.
    pub failing_discoveries: Vec<String>,
    /// Polls whose last attempt failed, each with its reason.
    pub failing: FailingPolls,
    usage: Labelled,
    planned: Labelled,
    regain: Labelled,
    received: Labelled,
}

impl Figures {
    pub fn new(telemetry: &Telemetry) -> Self {
        let refused = Labelled::new(&telemetry.webhook_rejected);
        let refused = refused
            .by("reason")
            .map(|(reason, count)| (reason.to_owned(), whole(count)));
        let discoveries = Labelled::new(&telemetry.discovery_up);
        let failing = discoveries.by("app").filter(|(_, up)| *up == 0.0);
        Self {
            failing_discoveries: failing.map(|(app, _)| app.to_owned()).collect(),
            accepted: telemetry.webhook_deliveries.get(),
            duplicates: telemetry.webhook_duplicates.get(),
            too_late: telemetry.webhook_stale.get(),
            unwatched: telemetry.webhook_unwatched.get(),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
            is_reloaded: telemetry.config_last_reload_successful.get() == 1,
            failing: telemetry.polls.failing(),
            usage: Labelled::new(&telemetry.graph_usage_ratio),
            planned: Labelled::new(&telemetry.graph_planned_calls),
            regain: Labelled::new(&telemetry.graph_regain_access),
            received: Labelled::new(&telemetry.webhook_last_received),
        }
    }

    /// Whether the last poll of this account and collector failed.
    pub fn is_failing(&self, waba_id: &WabaId, collector: Collector) -> bool {
        self.failing.contains_key(&(waba_id.clone(), collector))
    }

    /// Used share of Meta's quota; at 1 calls are refused.
    pub fn usage_ratio(&self, waba_id: &WabaId) -> Option<f64> {
        self.usage.value(&[("waba_id", waba_id.as_str())])
    }

    pub fn planned_calls(&self, waba_id: &WabaId) -> Option<u64> {
        let planned = self.planned.value(&[("waba_id", waba_id.as_str())]);
        planned.map(whole)
    }

    /// When Meta allows calls again. `None` while they are allowed.
    pub fn regain_access(&self, waba_id: &WabaId) -> Option<Timestamp> {
        let regain = self.regain.value(&[("waba_id", waba_id.as_str())]);
        regain.map(moment)
    }

    /// Time of the last webhook of this account since the start.
    pub fn last_received(&self, waba_id: &WabaId) -> Option<Timestamp> {
        let received = self.received.value(&[("waba_id", waba_id.as_str())]);
        received.map(moment)
    }

    /// Time of the last webhook of any account since the start.
    pub fn last_received_of_all(&self) -> Option<Timestamp> {
        self.received.value(&[]).map(moment)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of whole things, far below 2^53"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "written by this program from a moment of the calendar"
)]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1_000.0).round() as i64)
}
