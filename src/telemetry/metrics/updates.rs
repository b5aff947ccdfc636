//! Updates of several metrics together, and removal of the series of an account.

use super::Telemetry;
use crate::domain::{ObjectKind, Timestamp, WabaId};

impl Telemetry {
    /// Records the receipt of a webhook of this account.
    pub fn note_webhook(&self, waba_id: &WabaId, received_at: Timestamp) {
        let received = &self.webhook_last_received;
        let received = received.with_label_values(&[waba_id.as_str()]);
        received.set(received_at.as_seconds_f64().max(received.get()));
    }

    /// Drops the series of an account that is no longer watched, except those of its polls.
    pub fn forget_account(&self, waba_id: &WabaId) {
        self.forget_quota(waba_id);
        let id = waba_id.as_str();
        drop(self.webhook_last_received.remove_label_values(&[id]));
        for kind in ObjectKind::ALL {
            let labels = [id, kind.as_str()];
            drop(self.objects_refused.remove_label_values(&labels));
        }
    }

    /// Drops the quota of an account that is no longer polled, because it would not be updated any more.
    pub fn forget_quota(&self, waba_id: &WabaId) {
        self.quotas.forget(waba_id);
        let id = waba_id.as_str();
        for kind in ["call_count", "total_cputime", "total_time"] {
            drop(self.graph_usage_ratio.remove_label_values(&[id, kind]));
        }
        drop(self.graph_planned_calls.remove_label_values(&[id]));
        drop(self.graph_regain_access.remove_label_values(&[id]));
    }

    /// Sets the number of seconds by which the machine's clock is ahead of Meta's. Absent while unknown.
    pub fn note_clock_skew(&self, seconds: Option<f64>) {
        let none: [&str; 0] = [];
        match seconds {
            Some(seconds) => self.clock_skew.with_label_values(&none).set(seconds),
            None => drop(self.clock_skew.remove_label_values(&none)),
        }
    }

    /// Sets the hash of the settings that all replicas share.
    pub fn note_config(&self, hash: &str) {
        self.config_hash.reset();
        self.config_hash.with_label_values(&[hash]).set(1);
    }
}
