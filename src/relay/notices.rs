//! Log lines about one upstream. Lines that could repeat with every delivery are logged once a minute.

use std::time::Instant;

use super::control::{Action, UpstreamReport};
use crate::deliver::{LogLimiter, SendError};
use crate::domain::WabaId;
use crate::store::StoreUnavailable;

/// Maximum number of accounts in one line; a delivery of Meta's is about one.
const MAX_ACCOUNTS: usize = 5;

pub(super) struct Notices {
    upstream: String,
    failure: LogLimiter,
    parked: LogLimiter,
    unreadable: LogLimiter,
}

impl Notices {
    pub fn new(upstream: String) -> Self {
        Self {
            upstream,
            failure: LogLimiter::default(),
            parked: LogLimiter::default(),
            unreadable: LogLimiter::default(),
        }
    }

    pub fn queue_is_unreadable(&mut self, error: &StoreUnavailable, now: Instant) {
        if let Some(suppressed) = self.unreadable.next(now) {
            tracing::error!(
                upstream = self.upstream,
                %error,
                suppressed,
                "could not read the queue of the relay; its deliveries wait"
            );
        }
    }

    pub fn delivery_failed(&mut self, refusal: SendError, now: Instant) {
        if let Some(suppressed) = self.failure.next(now) {
            tracing::warn!(
                upstream = self.upstream,
                reason = refusal.failure.as_str(),
                status = refusal.status,
                suppressed,
                "upstream did not accept a delivery; retrying"
            );
        }
    }

    pub fn delivery_parked(
        &mut self,
        refusal: SendError,
        waba_ids: &[WabaId],
        parked: usize,
        now: Instant,
    ) {
        let Some(suppressed) = self.parked.next(now) else {
            return;
        };
        let waba_ids: Vec<&str> = waba_ids
            .iter()
            .map(WabaId::as_str)
            .take(MAX_ACCOUNTS)
            .collect();
        tracing::warn!(
            upstream = self.upstream,
            reason = refusal.failure.as_str(),
            status = refusal.status,
            waba_ids = waba_ids.join(","),
            parked,
            suppressed,
            "upstream refused a delivery repeatedly; parked it. Fix the upstream, then run \"relay retry\", or \"relay drop\""
        );
    }

    pub fn upstream_is_down(&self, refusal: SendError) {
        tracing::warn!(
            upstream = self.upstream,
            reason = refusal.failure.as_str(),
            status = refusal.status,
            "upstream is down; probing until it recovers"
        );
    }

    pub fn upstream_is_up(&self) {
        tracing::info!(upstream = self.upstream, "upstream recovered");
    }

    pub fn command_executed(&self, action: Action, report: &UpstreamReport) {
        let (upstream, count) = (self.upstream.as_str(), report.selected);
        match action {
            Action::List => {}
            Action::Retry => tracing::info!(upstream, count, "retrying parked deliveries"),
            Action::Drop => tracing::warn!(upstream, count, "dropped parked deliveries"),
        }
    }
}
