//! Owns the state: commits events, answers reads.
//!
//! Invariant: whoever awaited [`Store::commit`] finds his events in every later snapshot. Today the
//! state lives in memory; what makes it durable belongs here, behind the same two calls.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Event, Source, WabaId};
use crate::state::{Accounts, Change, Drift, State};
use crate::telemetry::Telemetry;

/// The one truth of the process. A plain mutex: an event is applied in microseconds, and a snapshot
/// only clones the map of shared accounts.
#[derive(Debug)]
pub struct Store {
    state: Mutex<State>,
    telemetry: Arc<Telemetry>,
}

impl Store {
    /// An empty state that watches nothing yet.
    #[must_use]
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            state: Mutex::default(),
            telemetry,
        }
    }

    /// Watches exactly these accounts from now on.
    pub fn watch(&self, accounts: impl IntoIterator<Item = WabaId>) {
        self.lock().watch(accounts);
    }

    /// Makes these events part of the truth; when it returns, they are.
    pub async fn commit(&self, events: Vec<Event>) {
        let changes: Vec<Change> = {
            let mut state = self.lock();
            events.iter().map(|event| state.apply(event)).collect()
        };
        for (event, change) in events.iter().zip(&changes) {
            count(event.source, change, &self.telemetry);
        }
    }

    /// Is this account watched?
    #[must_use]
    pub fn is_watched(&self, waba_id: &WabaId) -> bool {
        self.lock().accounts().contains_key(waba_id)
    }

    /// The accounts as they are now, one consistent picture that later commits leave alone.
    #[must_use]
    pub fn snapshot(&self) -> Accounts {
        self.lock().accounts().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while applying would be a bug in pure code; the state before it is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(source: Source, change: &Change, telemetry: &Telemetry) {
    if let Source::Webhook(_) = source {
        telemetry
            .webhook_unwatched
            .inc_by(u64::from(change.unwatched));
        telemetry
            .webhook_duplicates
            .inc_by(u64::from(change.duplicate));
        telemetry.webhook_refused.inc_by(u64::from(change.refused));
        telemetry.webhook_stale.inc_by(u64::from(change.is_stale()));
    }
    for (attribute, drift) in &change.drift {
        let source = match drift {
            Drift::PollAlone => "poll",
            Drift::WebhookAlone => "webhook",
        };
        telemetry
            .drift
            .with_label_values(&[attribute, source])
            .inc();
    }
}
