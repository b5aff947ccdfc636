//! The outcome of the last poll of each account and collector, as two consistent gauges.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector as Metric, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts};

use crate::domain::{Collector, WabaId, Word};

/// The failing polls with their reasons.
pub type FailingPolls = BTreeMap<(WabaId, Collector), &'static str>;

/// The last outcome of each poll: `None` is success, otherwise the exported reason. The key includes the app,
/// because both apps have series while an account moves.
type LastOutcomes = BTreeMap<(String, WabaId, Collector), Option<&'static str>>;

/// The gauges, and the last outcome of each poll. A reason's series must be removed when the poll recovers or fails
/// for another reason, even after a reload has replaced the poller.
///
/// Both gauges are one metric of the registry, so that no scrape contains one gauge from before an outcome and the
/// other from after it.
#[derive(Clone, Debug)]
pub struct PollOutcomes {
    up: IntGaugeVec,
    failure: IntGaugeVec,
    /// Locked while the gauges change, and while they are collected.
    outcomes: Arc<Mutex<LastOutcomes>>,
}

impl Metric for PollOutcomes {
    fn desc(&self) -> Vec<&Desc> {
        [self.up.desc(), self.failure.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _unchanged = self.lock();
        [self.up.collect(), self.failure.collect()].concat()
    }
}

impl PollOutcomes {
    /// The options and labels of both gauges: `up` has app, account and collector. `failure` also has a reason, as its
    /// last label.
    pub(super) fn new(
        (up, up_labels): (Opts, &[&str]),
        (failure, failure_labels): (Opts, &[&str]),
    ) -> prometheus::Result<Self> {
        Ok(Self {
            up: IntGaugeVec::new(up, up_labels)?,
            failure: IntGaugeVec::new(failure, failure_labels)?,
            outcomes: Arc::default(),
        })
    }

    /// Records the outcome of a poll: success, or the reason of its failure.
    pub fn record(
        &self,
        app: &str,
        waba_id: &WabaId,
        collector: Collector,
        failure: Option<&'static str>,
    ) {
        let labels = [app, waba_id.as_str(), collector.as_str()];
        let key = (app.to_owned(), waba_id.clone(), collector);
        let mut outcomes = self.lock();
        self.up
            .with_label_values(&labels)
            .set(failure.is_none().into());
        let before = outcomes.insert(key, failure).flatten();
        if let Some(before) = before.filter(|before| Some(*before) != failure) {
            self.hide_failure(labels, before);
        }
        if let Some(reason) = failure {
            let [app, waba_id, collector] = labels;
            let labels = [app, waba_id, collector, reason];
            self.failure.with_label_values(&labels).set(1);
        }
    }

    /// Drops the series of an account that this app no longer polls.
    pub fn forget(&self, app: &str, waba_id: &WabaId) {
        for collector in Collector::ALL {
            self.forget_collector(app, waba_id, *collector);
        }
    }

    /// Drops the series of a collector that no longer polls the account.
    pub fn forget_collector(&self, app: &str, waba_id: &WabaId, collector: Collector) {
        let labels = [app, waba_id.as_str(), collector.as_str()];
        let key = (app.to_owned(), waba_id.clone(), collector);
        let mut outcomes = self.lock();
        drop(self.up.remove_label_values(&labels));
        if let Some(reason) = outcomes.remove(&key).flatten() {
            self.hide_failure(labels, reason);
        }
    }

    /// The failing polls.
    #[must_use]
    pub fn failing(&self) -> FailingPolls {
        let outcomes = self.lock();
        let failing = outcomes.iter();
        let failing = failing.filter_map(|((_, waba_id, collector), reason)| {
            Some(((waba_id.clone(), *collector), (*reason)?))
        });
        failing.collect()
    }

    /// Whether this process has recorded an outcome of this poll: success, failure, or that it is late.
    #[must_use]
    pub fn has_outcome(&self, app: &str, waba_id: &WabaId, collector: Collector) -> bool {
        let key = (app.to_owned(), waba_id.clone(), collector);
        self.lock().contains_key(&key)
    }

    fn hide_failure(&self, [app, waba_id, collector]: [&str; 3], reason: &str) {
        let labels = [app, waba_id, collector, reason];
        drop(self.failure.remove_label_values(&labels));
    }

    fn lock(&self) -> MutexGuard<'_, LastOutcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Labelled, Telemetry};
    use super::*;

    /// Enough changes for thousands of scrapes.
    const ROUNDS: usize = 20_000;

    #[test]
    fn a_failing_poll_shows_only_its_latest_reason() {
        let polls = Telemetry::new().polls;
        let waba_id = WabaId::parse("800").expect("digits");
        let reasons = || {
            let shown = Labelled::new(&polls.failure);
            let mut reasons: Vec<String> = shown
                .by("reason")
                .map(|(text, _)| text.to_owned())
                .collect();
            reasons.sort();
            reasons
        };
        let up = || Labelled::new(&polls.up).value(&[("waba_id", "800")]);
        let note = |failure| polls.record("a", &waba_id, Collector::Numbers, failure);
        let has_outcome = || polls.has_outcome("a", &waba_id, Collector::Numbers);
        assert!(!has_outcome());
        note(Some("token"));
        assert!(has_outcome());
        note(Some("timeout"));
        assert_eq!((reasons(), up()), (vec!["timeout".to_owned()], Some(0.0)));
        note(None);
        assert_eq!((reasons(), up()), (vec![], Some(1.0)));
        assert!(has_outcome());
        note(Some("token"));
        polls.forget("a", &waba_id);
        assert_eq!((reasons(), up()), (vec![], None));
        assert!(!has_outcome());
        // Another app took over before the account was removed from the first one.
        note(Some("token"));
        polls.record("b", &waba_id, Collector::Numbers, Some("timeout"));
        polls.forget("a", &waba_id);
        assert_eq!((reasons(), up()), (vec!["timeout".to_owned()], Some(0.0)));
        polls.record("b", &waba_id, Collector::Numbers, None);
        assert_eq!((reasons(), up()), (vec![], Some(1.0)));
        assert!(polls.failing().is_empty());
    }

    #[test]
    fn no_scrape_is_between_the_two_gauges() {
        let telemetry = Telemetry::new();
        let waba_id = WabaId::parse("800").expect("digits");
        let note = |failure| {
            let polls = &telemetry.polls;
            polls.record("a", &waba_id, Collector::Numbers, failure);
        };
        let series = |families: &[MetricFamily], name: &str| -> Vec<f64> {
            let family = families.iter().find(|family| family.name() == name);
            let series = family.into_iter().flat_map(MetricFamily::get_metric);
            series.map(|one| one.get_gauge().get_value()).collect()
        };
        note(None);
        std::thread::scope(|scope| {
            let noting = scope.spawn(|| {
                for _ in 0..ROUNDS {
                    note(Some("token"));
                    note(None);
                }
            });
            while !noting.is_finished() {
                let families = telemetry.gather();
                let [up, failure] = ["up", "failure"]
                    .map(|name| series(&families, &format!("whatsapp_exporter_poll_{name}")));
                assert!(
                    matches!((&up[..], &failure[..]), ([1.0], []) | ([0.0], [1.0])),
                    "up {up:?}, failure {failure:?}"
                );
            }
        });
    }
}
