//! What is counted of one upstream.

use std::sync::Arc;
use std::time::Duration;

use super::send::Failure;
use crate::domain::Timestamp;
use crate::telemetry::Telemetry;

/// Why a delivery is dropped before it is taken: a bounded label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It has waited for too long.
    Age,
    /// Too many wait.
    Size,
}

impl Dropped {
    const ALL: [Self; 2] = [Self::Age, Self::Size];

    fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
        }
    }
}

/// The metrics of an upstream, from 0 on.
pub(super) struct Figures {
    telemetry: Arc<Telemetry>,
    name: String,
}

impl Figures {
    /// Counters exist before their first step, so that `increase()` sees it.
    pub fn new(telemetry: Arc<Telemetry>, name: String) -> Self {
        telemetry.relay_deliveries.with_label_values(&[&name]);
        telemetry.relay_lag.with_label_values(&[&name]);
        for failure in Failure::ALL {
            let labels = [&name, failure.as_str()];
            telemetry.relay_failures.with_label_values(&labels);
        }
        for reason in Dropped::ALL {
            let labels = [&name, reason.as_str()];
            telemetry.relay_dropped.with_label_values(&labels);
        }
        Self { telemetry, name }
    }

    /// A delivery was taken, this long after it came, if it was still waited for.
    pub fn taken(&self, lag: Option<Duration>) {
        let label = [self.name.as_str()];
        self.telemetry
            .relay_deliveries
            .with_label_values(&label)
            .inc();
        if let Some(lag) = lag {
            let lags = self.telemetry.relay_lag.with_label_values(&label);
            lags.observe(lag.as_secs_f64());
        }
    }

    /// A try failed.
    pub fn failed(&self, failure: Failure) {
        let labels = [self.name.as_str(), failure.as_str()];
        self.telemetry
            .relay_failures
            .with_label_values(&labels)
            .inc();
    }

    /// So many were dropped.
    pub fn dropped(&self, reason: Dropped, count: usize) {
        let labels = [self.name.as_str(), reason.as_str()];
        let dropped = self.telemetry.relay_dropped.with_label_values(&labels);
        dropped.inc_by(count as u64);
        if count > 0 {
            tracing::error!(
                upstream = self.name,
                reason = reason.as_str(),
                count,
                "deliveries are dropped before the upstream took them"
            );
        }
    }

    /// So many wait, the oldest since then.
    pub fn waiting(&self, count: usize, oldest: Option<Timestamp>) {
        let label = [self.name.as_str()];
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.telemetry
            .relay_pending
            .with_label_values(&label)
            .set(count);
        let since = &self.telemetry.relay_oldest_pending;
        match oldest {
            Some(oldest) => since.with_label_values(&label).set(oldest.as_seconds_f64()),
            None => drop(since.remove_label_values(&label)),
        }
    }

    /// Nothing is passed on to it any more. A series that is not there is what was wanted.
    pub fn forget(self) {
        let (telemetry, name) = (self.telemetry, self.name.as_str());
        drop(telemetry.relay_deliveries.remove_label_values(&[name]));
        drop(telemetry.relay_lag.remove_label_values(&[name]));
        drop(telemetry.relay_pending.remove_label_values(&[name]));
        drop(telemetry.relay_oldest_pending.remove_label_values(&[name]));
        for failure in Failure::ALL {
            let labels = [name, failure.as_str()];
            drop(telemetry.relay_failures.remove_label_values(&labels));
        }
        for reason in Dropped::ALL {
            let labels = [name, reason.as_str()];
            drop(telemetry.relay_dropped.remove_label_values(&labels));
        }
    }
}
