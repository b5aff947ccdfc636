//! Records the outcomes of polls: their metrics, their logs, and their effect on the schedule.

use std::sync::{Arc, PoisonError};

use tokio::task::JoinError;

use super::{Poller, PollingApp};
use crate::clock;
use crate::domain::{Collector, Timestamp, WabaId, Word as _};
use crate::ingest::poll::log_limiter::LogLine;
use crate::ingest::poll::once::PollOutcome;
use crate::ingest::poll::{Deferral, DeferralReason, NextPoll, Task, planned_calls};

impl Poller {
    pub(super) fn note(
        &mut self,
        ended: Result<(tokio::task::Id, (Timestamp, PollOutcome)), JoinError>,
    ) {
        let now = clock::steady();
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        // A poll whose account left, or is polled by another app, has been dropped.
        let Some((task, _)) = self.tasks.remove(&id) else {
            return;
        };
        match ended {
            Ok((_, (began, outcome))) => {
                self.record(&task, began, now, &outcome);
                self.log_change(&task, &outcome);
                self.note_plan(&task.waba_id);
                if outcome.next == NextPoll::HoldApp && !self.schedule.is_held(&task.waba_id, now) {
                    let reason = outcome.reason().unwrap_or_default();
                    self.hold_app(&task.waba_id, reason, now);
                }
                match outcome.next {
                    NextPoll::PutOff(until) => {
                        let reason = DeferralReason::BudgetSpent;
                        self.put_off(&task, Deferral { until, reason });
                    }
                    next => self.schedule.finished(&task, now, next),
                }
                if let NextPoll::LimitApp(_) = outcome.next {
                    let accounts = self.accounts_of_app(&task.waba_id);
                    self.schedule.limit_app(&accounts, &task.waba_id);
                }
            }
            Err(error) => {
                tracing::error!(%error, "poll panicked; retrying (this is a bug)");
                self.schedule.finished(&task, now, NextPoll::Retry);
            }
        }
    }

    /// Updates the metric of planned calls, now that more is known about the account. Warns of a plan that exceeds
    /// the budget, because its polls would fall ever further behind.
    fn note_plan(&mut self, waba_id: &WabaId) {
        let Some(account) = self.store.account(waba_id) else {
            return;
        };
        let (numbers, templates) = (account.numbers().count(), account.templates().count());
        let planned = planned_calls(self.schedule.cadences(), numbers, Some(templates));
        self.telemetry.quotas.note_planned(waba_id, planned);
        let gauge = &self.telemetry.graph_planned_calls;
        let shown = i64::try_from(planned).unwrap_or(i64::MAX);
        gauge.with_label_values(&[waba_id.as_str()]).set(shown);
        let budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = budgets.calls_per_hour();
        drop(budgets);
        if planned <= u64::from(allowed) {
            self.too_much.remove(waba_id);
        } else if self.too_much.insert(waba_id.clone()) {
            tracing::warn!(
                %waba_id, planned, allowed,
                "planned polls exceed poll.calls_per_hour and are delayed; lengthen poll.numbers_interval, poll.account_interval or poll.templates_interval"
            );
        }
    }

    /// Holds all polls of the app, because a rejection of its credentials applies to all its accounts. They are
    /// marked as failed without a call for each.
    fn hold_app(&mut self, waba_id: &WabaId, reason: &'static str, now: Timestamp) {
        let Some(app) = self.apps.get(waba_id) else {
            return;
        };
        let accounts = self.accounts_of_app(waba_id);
        for waba_id in &accounts {
            let cadences = self.schedule.cadences();
            for collector in Collector::ALL.iter().filter(|one| cadences.polls(**one)) {
                let polls = &self.telemetry.polls;
                polls.record(&app.name, waba_id, *collector, Some(reason));
            }
        }
        self.schedule.hold_app(&accounts, now);
    }

    /// The accounts that are polled with the same token.
    fn accounts_of_app(&self, waba_id: &WabaId) -> Vec<WabaId> {
        let Some(app) = self.apps.get(waba_id) else {
            return vec![];
        };
        let of_the_app = |(waba_id, other): (&WabaId, &PollingApp)| {
            Arc::ptr_eq(&app.client, &other.client).then(|| waba_id.clone())
        };
        self.apps.iter().filter_map(of_the_app).collect()
    }

    fn record(&self, task: &Task, began: Timestamp, now: Timestamp, outcome: &PollOutcome) {
        if let Some(app) = self.apps.get(&task.waba_id) {
            let polls = &self.telemetry.polls;
            polls.record(&app.name, &task.waba_id, task.collector, outcome.reason());
        }
        let collector = task.collector.as_str();
        let duration = self.telemetry.poll_duration.with_label_values(&[collector]);
        duration.observe(now.since(began).as_secs_f64());
    }

    /// Marks polls that have not started in time as failed, whatever their last outcome.
    pub(super) fn report_lateness(&mut self, now: Timestamp) {
        for (task, reason) in self.schedule.take_late(now) {
            let Some(app) = self.apps.get(&task.waba_id) else {
                continue;
            };
            let polls = &self.telemetry.polls;
            polls.record(
                &app.name,
                &task.waba_id,
                task.collector,
                Some(reason.as_str()),
            );
            self.log_limited(now, || log_late(&task, reason));
            self.late.insert(task);
        }
    }

    /// Logs one line when a poll starts to fail, fails for another reason, or recovers, and none in between.
    fn log_change(&mut self, task: &Task, outcome: &PollOutcome) {
        let kind = outcome.failure.as_ref().map(|failure| failure.kind());
        let before = match kind {
            Some(kind) => self.last_failure.insert(task.clone(), kind),
            None => self.last_failure.remove(task),
        };
        let was_late = self.late.remove(task);
        if before == kind && !was_late {
            return;
        }
        self.log_limited(clock::steady(), || log(task, outcome));
    }

    fn log_limited(&mut self, now: Timestamp, log: impl FnOnce()) {
        match self.log_limiter.next_line(now) {
            LogLine::ThisPoll => log(),
            LogLine::FurtherSuppressed => tracing::warn!(
                "more polls started or stopped failing than are logged; see whatsapp_exporter_poll_up"
            ),
            LogLine::None => {}
        }
    }
}

fn log_late(task: &Task, reason: DeferralReason) {
    let (waba_id, collector) = (&task.waba_id, task.collector.as_str());
    let (reason, cure) = (reason.as_str(), reason.cure());
    tracing::warn!(%waba_id, collector, reason, cure, "poll is late; serving last known data");
}

fn log(task: &Task, outcome: &PollOutcome) {
    let (waba_id, collector) = (&task.waba_id, task.collector.as_str());
    match &outcome.failure {
        Some(failure) => {
            tracing::warn!(%waba_id, collector, reason = failure.kind().as_str(), cure = %failure, "poll failed; serving last known data");
        }
        None => tracing::info!(%waba_id, collector, "poll recovered"),
    }
}
