//! The API quota of each account, for pages. To read the gauges instead would collect the series of all accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::WabaId;

/// The last known quota of each polled account. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct QuotaFigures(Arc<Mutex<HashMap<WabaId, AccountQuota>>>);

/// The quota of one account, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountQuota {
    /// Used share of Meta's quota; at 1 calls are refused.
    pub usage_ratio: Option<f64>,
    /// Calls per hour that its polls need.
    pub planned_calls: Option<u64>,
}

impl QuotaFigures {
    /// Records the share that Meta reports.
    pub fn note_usage(&self, waba_id: &WabaId, ratio: f64) {
        self.lock().entry(waba_id.clone()).or_default().usage_ratio = Some(ratio);
    }

    /// Records the calls that are planned.
    pub fn note_planned(&self, waba_id: &WabaId, calls: u64) {
        self.lock()
            .entry(waba_id.clone())
            .or_default()
            .planned_calls = Some(calls);
    }

    /// Drops an account that is no longer polled.
    pub fn forget(&self, waba_id: &WabaId) {
        self.lock().remove(waba_id);
    }

    /// The quota of an account.
    #[must_use]
    pub fn of_account(&self, waba_id: &WabaId) -> AccountQuota {
        self.lock().get(waba_id).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WabaId, AccountQuota>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
