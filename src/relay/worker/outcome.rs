//! Records the outcomes of attempts: in the queue, the ledger, the circuit, the metrics and the logs.

use std::time::Instant;

use super::UpstreamWorker;
use crate::clock;
use crate::deliver::{SendError, SendFailure};
use crate::relay::queue::NextDelivery;

impl UpstreamWorker {
    pub(super) fn note_sent(&mut self, next: NextDelivery, outcome: Result<(), SendError>) {
        self.bytes_held -= next.bytes;
        match outcome {
            Ok(()) => self.note_taken(next.delivery),
            Err(refusal) => self.note_failed(next.delivery, refusal),
        }
    }

    fn note_taken(&mut self, delivery: i64) {
        self.ledger.settle([delivery]);
        let receipt = self.queue.done(delivery);
        let lag = receipt.map(|receipt| {
            let now = clock::now();
            now.since(receipt.shown(Instant::now(), now))
        });
        self.figures.taken(lag);
        let was_down = self.circuit.is_down();
        self.circuit.succeeded();
        if was_down {
            self.come_up();
        }
    }

    fn come_up(&mut self) {
        self.queue.wake(Instant::now());
        self.notices.upstream_is_up();
    }

    pub(super) fn note_failed(&mut self, delivery: i64, refusal: SendError) {
        let (now, failure) = (Instant::now(), refusal.failure);
        self.figures.failed(failure);
        let was_down = self.circuit.is_down();
        if let Some(evidence) = failure.evidence() {
            self.circuit.failed(delivery, evidence, now);
        }
        let is_down = self.circuit.is_down();
        if is_down && !was_down {
            self.queue.forgive(self.circuit.successes());
            self.notices.upstream_is_down(refusal);
        } else if was_down && !is_down {
            self.come_up();
        }
        let count = self
            .queue
            .failed(delivery, now, self.circuit.successes(), |others_succeed| {
                failure.is_refusal(is_down, others_succeed)
            });
        let Some(count) = count else { return };
        if let Some(retry_after) = refusal.retry_after {
            // If only this delivery is rate-limited, the others continue.
            if count.others_succeed || !self.circuit.pause(delivery, now, retry_after) {
                self.queue.rest_until(delivery, now + retry_after);
            }
        }
        if count.refusals >= failure.parks_after(self.upstream.park_after) {
            self.park(delivery, refusal);
        } else if !is_down && failure != SendFailure::Store {
            self.notices.delivery_failed(refusal, now);
        }
    }

    fn park(&mut self, delivery: i64, refusal: SendError) {
        self.queue.park(delivery);
        self.ledger.park(delivery, refusal.failure.as_str());
        self.figures.parked(refusal.failure);
        let (waba_ids, parked) = (self.queue.waba_ids(delivery), self.queue.parked());
        self.notices
            .delivery_parked(refusal, waba_ids, parked, Instant::now());
    }
}
