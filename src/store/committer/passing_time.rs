//! Changes that depend on time alone: reordering buffers to flush, and stored times that are ahead of the clock.

use super::Committer;
use crate::clock;
use crate::domain::{Event, Fact, MAX_CLOCK_DIFFERENCE, Source, WabaId};

impl Committer {
    /// Clock tick: flushes the reordering buffers if no other event did.
    pub(super) async fn settle_what_is_due(&mut self) {
        self.correct_times().await;
        // Uses a lower bound of Meta's time, because a conversation that is closed too early stays closed.
        let Some(now) = clock::at_least() else {
            return;
        };
        let due = self.state.due(now).map(|waba_id| Event {
            waba_id: waba_id.clone(),
            observed_at: now,
            source: Source::Poll,
            fact: Fact::TimePassed,
        });
        let due: Vec<Event> = due.collect();
        if !due.is_empty() {
            // Readiness and the metrics show the outcome; the next tick retries.
            drop(self.commit_own(&due.iter().collect::<Vec<_>>()).await);
        }
    }

    /// Corrects stored times that are ahead of Meta's clock, when Meta's time turns out to be earlier than assumed.
    pub(super) async fn correct_times(&mut self) {
        let corrections = clock::corrections();
        if corrections == self.corrections {
            return;
        }
        let latest = clock::now().plus(MAX_CLOCK_DIFFERENCE);
        let event = |waba_id: &WabaId| Event {
            waba_id: waba_id.clone(),
            observed_at: self.started.timestamp(),
            source: Source::Poll,
            fact: Fact::ClockCorrected { latest },
        };
        let events: Vec<Event> = self.state.ahead_of(latest).map(event).collect();
        let committed = self.commit_own(&events.iter().collect::<Vec<_>>()).await;
        // After a failure, readiness and the metrics show it, and the next request retries.
        if let Ok(changes) = committed {
            self.corrections = corrections;
            for (event, change) in events.iter().zip(changes) {
                let waba_id = &event.waba_id;
                let times = change.redated.map_or(0, |redated| redated.moves.len());
                tracing::warn!(%waba_id, times, "stored times were ahead of Meta's clock; moved to the start of this process");
            }
        }
    }
}
