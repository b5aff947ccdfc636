//! Values that are read from the exporter's own metrics, once per response.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Collector, Timestamp, WabaId};
use crate::telemetry::{FailingPolls, Labelled, QuotaFigures, Telemetry};

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
    last_received_of_all: Option<Timestamp>,
    quotas: QuotaFigures,
    regain: BTreeMap<String, Timestamp>,
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
        let regain = Labelled::new(&telemetry.graph_regain_access);
        let received = Labelled::new(&telemetry.webhook_last_received);
        Self {
            last_received_of_all: received.value(&[]).map(moment),
            failing_discoveries: failing.map(|(app, _)| app.to_owned()).collect(),
            accepted: telemetry.webhook_deliveries.get(),
            duplicates: telemetry.webhook_duplicates.get(),
            too_late: telemetry.webhook_stale.get(),
            unwatched: telemetry.webhook_unwatched.get(),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
            is_reloaded: telemetry.config_last_reload_successful.get() == 1,
            failing: telemetry.polls.failing(),
            quotas: telemetry.quotas.clone(),
            regain: regain
                .by("waba_id")
                .map(|(waba_id, at)| (waba_id.to_owned(), moment(at)))
                .collect(),
            received,
        }
    }

    /// Drops the last webhooks of accounts that are not shown.
    pub fn keep_only(&mut self, shown: &BTreeSet<WabaId>) {
        let shown: BTreeSet<&str> = shown.iter().map(WabaId::as_str).collect();
        self.received
            .retain("waba_id", |waba_id| shown.contains(waba_id));
    }

    /// Whether the last poll of this account and collector failed.
    pub fn is_failing(&self, waba_id: &WabaId, collector: Collector) -> bool {
        self.failing.contains_key(&(waba_id.clone(), collector))
    }

    /// Used share of Meta's quota; at 1 calls are refused.
    pub fn usage_ratio(&self, waba_id: &WabaId) -> Option<f64> {
        self.quotas.of_account(waba_id).usage_ratio
    }

    pub fn planned_calls(&self, waba_id: &WabaId) -> Option<u64> {
        self.quotas.of_account(waba_id).planned_calls
    }

    /// When Meta allows calls again. `None` while they are allowed.
    pub fn regain_access(&self, waba_id: &WabaId) -> Option<Timestamp> {
        self.regain.get(waba_id.as_str()).copied()
    }

    /// Time of the last webhook of this account since the start.
    pub fn last_received(&self, waba_id: &WabaId) -> Option<Timestamp> {
        let received = self.received.value(&[("waba_id", waba_id.as_str())]);
        received.map(moment)
    }

    /// Time of the last webhook of any account since the start.
    pub fn last_received_of_all(&self) -> Option<Timestamp> {
        self.last_received_of_all
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
