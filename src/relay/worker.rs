//! The loop around one upstream's queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::figures::{Dropped, Figures};
use super::queue::Queue;
use super::send::{Failure, Outcome, Upstream, send};
use crate::clock;
use crate::domain::Timestamp;
use crate::store::{Span, Store};
use crate::telemetry::Telemetry;

/// Deliveries of different accounts on their way at once.
const MAX_SENDING: usize = 8;

/// Deliveries fetched at once; they come without their bodies.
const FETCHED_AT_ONCE: u32 = 1_000;

/// Taken deliveries of which the store hears at once. What it has not heard of comes again after a crash.
const SETTLED_AT_ONCE: usize = 256;

/// How long it waits to hear of fewer; also how often age is looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// How long what is being sent may take to arrive when the relay stops.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Worker {
    upstream: Arc<Upstream>,
    max_age: Duration,
    store: Arc<Store>,
    figures: Figures,
    queue: Queue,
    /// The last parcel that was fetched.
    known: i64,
    sending: JoinSet<(i64, Outcome)>,
    /// What the store has yet to hear of.
    settled: Vec<i64>,
    is_failing: bool,
}

impl Worker {
    pub fn new(
        upstream: Upstream,
        max_age: Duration,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            figures: Figures::new(telemetry, upstream.name.clone()),
            upstream: Arc::new(upstream),
            max_age,
            store,
            queue: Queue::default(),
            known: 0,
            sending: JoinSet::new(),
            settled: Vec::new(),
            is_failing: false,
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        let mut stored = self.store.parcels();
        let mut tick = interval(SETTLE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.take_stock(&mut stored).await;
            self.start_sending();
            self.show();
            // With all hands full, what is due waits for one of them.
            let due = self
                .queue
                .next_due()
                .filter(|_| self.sending.len() < MAX_SENDING);
            let rested = sleep_until(due.unwrap_or_else(Instant::now).into());
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = stored.changed() => {}
                Some(sent) = self.sending.join_next() => {
                    let (parcel, outcome) = sent.expect("to send does not panic");
                    self.note(parcel, outcome);
                }
                () = rested, if due.is_some() => {}
                _ = tick.tick() => {
                    self.expire();
                    self.settle().await;
                }
            }
            if self.settled.len() >= SETTLED_AT_ONCE {
                self.settle().await;
            }
        }
        self.finish().await;
    }

    /// Learns what has come, and what the store has dropped for want of room.
    async fn take_stock(&mut self, stored: &mut watch::Receiver<Span>) {
        let span = *stored.borrow_and_update();
        let dropped = self.queue.drop_before(span.oldest);
        self.figures.dropped(Dropped::Size, dropped);
        while self.known < span.newest {
            let next = self
                .store
                .pending(&self.upstream.name, self.known, FETCHED_AT_ONCE);
            let Ok(next) = next.await else {
                // The store has said why; the next tick tries again.
                return;
            };
            let Some(last) = next.last().map(|waiting| waiting.parcel) else {
                self.known = span.newest;
                return;
            };
            self.known = last;
            next.into_iter().for_each(|waiting| self.queue.add(waiting));
        }
    }

    fn start_sending(&mut self) {
        while self.sending.len() < MAX_SENDING
            && let Some(parcel) = self.queue.take(Instant::now())
        {
            let (upstream, store) = (Arc::clone(&self.upstream), Arc::clone(&self.store));
            self.sending
                .spawn(async move { (parcel, send(&upstream, &store, parcel).await) });
        }
    }

    fn note(&mut self, parcel: i64, outcome: Outcome) {
        match outcome {
            Outcome::Taken => self.note_taken(parcel),
            Outcome::Gone => {
                let waited = self.queue.done(parcel).is_some();
                self.figures.dropped(Dropped::Size, usize::from(waited));
            }
            Outcome::Failed(failure) => self.note_failed(parcel, failure),
        }
    }

    fn note_taken(&mut self, parcel: i64) {
        self.settled.push(parcel);
        let received_at = self.queue.done(parcel);
        let lag = received_at.map(|received_at| clock::now().since(received_at));
        self.figures.taken(lag);
        // As long as one delivery rests after a failure, the trouble is not over.
        if self.is_failing && self.queue.next_due().is_none() {
            self.is_failing = false;
            let name = self.upstream.name.as_str();
            tracing::info!(upstream = name, "the upstream takes deliveries again");
        }
    }

    fn note_failed(&mut self, parcel: i64, failure: Failure) {
        self.queue.failed(parcel, Instant::now());
        self.figures.failed(failure);
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                upstream = self.upstream.name,
                reason = failure.as_str(),
                "an upstream has not taken a delivery; it is tried again until it is too old"
            );
        }
    }

    fn expire(&mut self) {
        let age = i64::try_from(self.max_age.as_millis()).unwrap_or(i64::MAX);
        let before = clock::now().as_millis().saturating_sub(age);
        let expired = self.queue.expire(Timestamp::from_millis(before));
        self.figures.dropped(Dropped::Age, expired.len());
        self.settled.extend(expired);
    }

    /// Tells the store what nobody waits for. If it does not take that now, it hears of it later.
    async fn settle(&mut self) {
        if self.settled.is_empty() {
            return;
        }
        let (name, parcels) = (&self.upstream.name, self.settled.clone());
        if self.store.settle(name, parcels).await.is_ok() {
            self.settled.clear();
        }
    }

    fn show(&self) {
        self.figures.waiting(self.queue.len(), self.queue.oldest());
    }

    async fn finish(mut self) {
        let arrive = async {
            while let Some(sent) = self.sending.join_next().await {
                if let Ok((parcel, outcome)) = sent {
                    self.note(parcel, outcome);
                }
            }
        };
        // What has not arrived by then is sent again after the next start.
        drop(timeout(GRACE, arrive).await);
        self.settle().await;
        self.figures.forget();
    }
}
