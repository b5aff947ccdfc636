//! Metrics of one upstream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::{Histogram, IntCounter};

use super::deadline::ReceiptTimes;
use crate::clock;
use crate::deliver::SendFailure;
use crate::telemetry::Telemetry;

/// Why a delivery is dropped before it is accepted. A bounded label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// Older than `relay.max_age`.
    Age,
    /// The limit on waiting deliveries was exceeded.
    Size,
    /// An operator dropped it.
    Operator,
}

impl Dropped {
    const ALL: [Self; 3] = [Self::Age, Self::Size, Self::Operator];

    fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
            Self::Operator => "operator",
        }
    }
}

/// Counts dropped deliveries of an upstream.
pub(super) fn count_dropped(telemetry: &Telemetry, upstream: &str, reason: Dropped, count: usize) {
    let labels = [upstream, reason.as_str()];
    let dropped = telemetry.relay_dropped.with_label_values(&labels);
    dropped.inc_by(count as u64);
}

/// The metrics of an upstream; counters start at 0.
pub(super) struct UpstreamMetrics {
    telemetry: Arc<Telemetry>,
    name: String,
    deliveries: IntCounter,
    lag: Histogram,
}

/// The current numbers of an upstream's deliveries.
pub(super) struct Levels {
    pub waiting: usize,
    pub parked: usize,
    pub in_flight: usize,
    pub oldest: Option<ReceiptTimes>,
    pub oldest_message: Option<ReceiptTimes>,
    pub is_down: bool,
}

impl UpstreamMetrics {
    /// Creates counters before their first increment, so that `increase()` sees it.
    pub fn new(telemetry: Arc<Telemetry>, name: String) -> Self {
        let label = [name.as_str()];
        for failure in SendFailure::ALL {
            let labels = [name.as_str(), failure.as_str()];
            telemetry.relay_failures.with_label_values(&labels);
            if failure.can_park() {
                telemetry.relay_parked_total.with_label_values(&labels);
            }
        }
        for reason in Dropped::ALL {
            let labels = [name.as_str(), reason.as_str()];
            telemetry.relay_dropped.with_label_values(&labels);
        }
        Self {
            deliveries: telemetry.relay_deliveries.with_label_values(&label),
            lag: telemetry.relay_lag.with_label_values(&label),
            telemetry,
            name,
        }
    }

    /// Counts an accepted delivery, and observes its lag if it was still waiting.
    pub fn taken(&self, lag: Option<Duration>) {
        self.deliveries.inc();
        if let Some(lag) = lag {
            self.lag.observe(lag.as_secs_f64());
        }
    }

    /// Counts a failed attempt.
    pub fn failed(&self, failure: SendFailure) {
        let labels = [self.name.as_str(), failure.as_str()];
        let failures = self.telemetry.relay_failures.with_label_values(&labels);
        failures.inc();
    }

    /// Counts a parked delivery.
    pub fn parked(&self, failure: SendFailure) {
        let labels = [self.name.as_str(), failure.as_str()];
        let parked = self.telemetry.relay_parked_total.with_label_values(&labels);
        parked.inc();
    }

    /// Counts dropped deliveries.
    pub fn dropped(&self, reason: Dropped, count: usize) {
        count_dropped(&self.telemetry, &self.name, reason, count);
        if count > 0 && reason != Dropped::Operator {
            tracing::error!(
                upstream = self.name,
                reason = reason.as_str(),
                count,
                "dropped deliveries before the upstream accepted them"
            );
        }
    }

    /// Updates the gauges of the upstream, which do not exist before its deliveries have been listed.
    pub fn show(&self, levels: &Levels) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (telemetry, label) = (&self.telemetry, [self.name.as_str()]);
        for (gauge, value) in [
            (&telemetry.relay_pending, number(levels.waiting)),
            (&telemetry.relay_parked, number(levels.parked)),
            (&telemetry.relay_in_flight, number(levels.in_flight)),
            (&telemetry.relay_upstream_up, i64::from(!levels.is_down)),
        ] {
            gauge.with_label_values(&label).set(value);
        }
        let (all, messages) = (
            &telemetry.relay_oldest_pending,
            &telemetry.relay_oldest_message,
        );
        let (instant, now) = (Instant::now(), clock::now());
        for (since, oldest) in [(all, levels.oldest), (messages, levels.oldest_message)] {
            match oldest {
                Some(oldest) => {
                    let oldest = oldest.shown(instant, now).as_seconds_f64();
                    since.with_label_values(&label).set(oldest);
                }
                None => drop(since.remove_label_values(&label)),
            }
        }
    }
}

/// Removes the series of an upstream that is no longer configured. A missing series is not an error.
pub fn forget_upstream(telemetry: &Telemetry, name: &str) {
    drop(telemetry.relay_deliveries.remove_label_values(&[name]));
    drop(telemetry.relay_lag.remove_label_values(&[name]));
    drop(telemetry.relay_oldest_pending.remove_label_values(&[name]));
    drop(telemetry.relay_oldest_message.remove_label_values(&[name]));
    for gauges in [
        &telemetry.relay_pending,
        &telemetry.relay_parked,
        &telemetry.relay_in_flight,
        &telemetry.relay_upstream_up,
    ] {
        drop(gauges.remove_label_values(&[name]));
    }
    for failure in SendFailure::ALL {
        let labels = [name, failure.as_str()];
        drop(telemetry.relay_failures.remove_label_values(&labels));
        drop(telemetry.relay_parked_total.remove_label_values(&labels));
    }
    for reason in Dropped::ALL {
        let labels = [name, reason.as_str()];
        drop(telemetry.relay_dropped.remove_label_values(&labels));
    }
}
