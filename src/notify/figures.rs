//! Metrics of one receiver.

use std::sync::Arc;

use prometheus::IntCounter;

use crate::deliver::SendFailure;
use crate::domain::Timestamp;
use crate::telemetry::Telemetry;

/// Why a change is dropped before the receiver accepted it. A bounded label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalDropReason {
    /// Older than `notify.max_age`.
    Age,
    /// The limit on waiting changes was exceeded.
    Size,
    /// The receiver refused it repeatedly.
    Refused,
}

impl SignalDropReason {
    const ALL: [Self; 3] = [Self::Age, Self::Size, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
            Self::Refused => "refused",
        }
    }
}

/// The metrics of a receiver; counters start at 0.
pub(super) struct ReceiverMetrics {
    telemetry: Arc<Telemetry>,
    name: String,
    sent: IntCounter,
}

impl ReceiverMetrics {
    /// Creates counters before their first increment, so that `increase()` sees it.
    pub fn new(telemetry: Arc<Telemetry>, name: String) -> Self {
        for failure in SendFailure::ALL {
            let labels = [name.as_str(), failure.as_str()];
            telemetry.notify_failures.with_label_values(&labels);
        }
        for reason in SignalDropReason::ALL {
            let labels = [name.as_str(), reason.as_str()];
            telemetry.notify_dropped.with_label_values(&labels);
        }
        Self {
            sent: telemetry.notify_sent.with_label_values(&[&name]),
            telemetry,
            name,
        }
    }

    /// Counts an accepted request.
    pub fn sent(&self) {
        self.sent.inc();
    }

    /// Counts a failed attempt.
    pub fn failed(&self, failure: SendFailure) {
        let labels = [self.name.as_str(), failure.as_str()];
        self.telemetry
            .notify_failures
            .with_label_values(&labels)
            .inc();
    }

    /// Counts and logs dropped changes.
    pub fn dropped(&self, reason: SignalDropReason, count: u64) {
        if count == 0 {
            return;
        }
        let labels = [self.name.as_str(), reason.as_str()];
        let dropped = self.telemetry.notify_dropped.with_label_values(&labels);
        dropped.inc_by(count);
        tracing::error!(
            receiver = self.name,
            reason = reason.as_str(),
            count,
            "dropped notifications before the receiver accepted them"
        );
    }

    /// Updates the gauges of the receiver, which do not exist before the queue has been read. `oldest` is the commit of
    /// the first change that is due.
    pub fn show(&self, pending: i64, oldest: Option<Timestamp>) {
        let label = [self.name.as_str()];
        let gauge = self.telemetry.notify_pending.with_label_values(&label);
        gauge.set(pending);
        let since = &self.telemetry.notify_oldest_pending;
        match oldest {
            Some(oldest) => since.with_label_values(&label).set(oldest.as_seconds_f64()),
            None => drop(since.remove_label_values(&label)),
        }
    }
}

/// Removes the series of a receiver that is no longer configured. A missing series is not an error.
pub fn forget_receiver(telemetry: &Telemetry, name: &str) {
    drop(telemetry.notify_sent.remove_label_values(&[name]));
    drop(telemetry.notify_pending.remove_label_values(&[name]));
    drop(telemetry.notify_oldest_pending.remove_label_values(&[name]));
    for failure in SendFailure::ALL {
        let labels = [name, failure.as_str()];
        drop(telemetry.notify_failures.remove_label_values(&labels));
    }
    for reason in SignalDropReason::ALL {
        let labels = [name, reason.as_str()];
        drop(telemetry.notify_dropped.remove_label_values(&labels));
    }
}

#[cfg(test)]
mod tests {
    use prometheus::core::Collector;

    use super::*;

    #[test]
    fn nothing_is_pending_only_after_the_queue_has_been_read() {
        let telemetry = Arc::new(Telemetry::new());
        let figures = ReceiverMetrics::new(Arc::clone(&telemetry), "app".to_owned());
        let series = || {
            let families = telemetry.notify_pending.collect();
            families
                .iter()
                .map(|it| it.get_metric().len())
                .sum::<usize>()
        };
        assert_eq!(series(), 0);
        figures.show(0, None);
        assert_eq!(series(), 1);
        forget_receiver(&telemetry, "app");
        assert_eq!(series(), 0);
    }
}
