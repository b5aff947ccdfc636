//! The loop around one upstream's queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::circuit::Circuit;
use super::control::{Action, UpstreamReport, WorkerCall};
use super::deadline::{Deadlines, ReceiptTimes};
use super::figures::{Dropped, Levels, UpstreamMetrics};
use super::ledger::Ledger;
use super::notices::Notices;
use super::queue::{NextDelivery, Queue};
use super::send::{Upstream, send};
use crate::clock;
use crate::deliver::{SendError, SendFailure};
use crate::domain::WabaId;
use crate::store::{Content, Duty, Span, Store, StoreUnavailable};
use crate::telemetry::Telemetry;

/// Maximum number of deliveries in one listing, which does not contain their bodies.
const LISTED_AT_ONCE: u32 = 1_000;

/// Minimum interval between two listings of new deliveries: a busy second costs 50 queries, not one per delivery.
const LIST_EVERY: Duration = Duration::from_millis(20);

/// Maximum number of deliveries read from the store ahead of sending, so that one query reads many.
const READ_AHEAD: usize = 32;

/// Maximum bytes of the bodies held for one upstream, in flight and read ahead: eight of the largest. A small
/// delivery takes half a kilobyte, so this does not limit the usual 64 in flight.
const BODY_BUDGET: usize = 32 << 20;

/// Number of settled deliveries that triggers a commit. Deliveries not committed as settled are sent again after a
/// crash.
const SETTLED_AT_ONCE: usize = 256;

/// Longest time until fewer settled deliveries are committed.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// Interval at which deadlines are checked.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);

/// Grace period for deliveries in flight when the relay stops.
const GRACE: Duration = Duration::from_secs(5);

/// Time limit of the commit after that. Deliveries not committed as settled are sent again.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

type Read = (
    Vec<NextDelivery>,
    Result<Vec<(NextDelivery, Option<Content>)>, StoreUnavailable>,
);

pub(super) struct UpstreamWorker {
    upstream: Arc<Upstream>,
    store: Arc<Store>,
    figures: UpstreamMetrics,
    notices: Notices,
    queue: Queue,
    circuit: Circuit,
    deadlines: Deadlines,
    ledger: Ledger,
    calls: mpsc::Receiver<WorkerCall>,
    duty: Duty,
    /// Number of the last listed delivery.
    known: i64,
    next_listing: Instant,
    reading: JoinSet<Read>,
    read: VecDeque<(NextDelivery, Content)>,
    sending: JoinSet<(NextDelivery, Result<(), SendError>)>,
    /// Total size of the bodies that are being read, waiting in memory, and in flight.
    bytes_held: usize,
}

impl UpstreamWorker {
    pub fn new(
        upstream: Upstream,
        max_age: Duration,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
        calls: mpsc::Receiver<WorkerCall>,
    ) -> Self {
        let name = &upstream.name;
        let newest = store.deliveries().borrow().newest;
        Self {
            figures: UpstreamMetrics::new(telemetry, name.clone()),
            notices: Notices::new(name.clone()),
            ledger: Ledger::new(name.clone(), Arc::clone(&store)),
            queue: Queue::default(),
            circuit: Circuit::new(upstream.max_in_flight),
            deadlines: Deadlines::new(max_age, newest, Instant::now()),
            upstream: Arc::new(upstream),
            duty: store.duty(),
            store,
            calls,
            known: 0,
            next_listing: Instant::now(),
            reading: JoinSet::new(),
            read: VecDeque::new(),
            sending: JoinSet::new(),
            bytes_held: 0,
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        let mut stored = self.store.deliveries();
        let [mut settle, mut expire] = [SETTLE_EVERY, EXPIRE_EVERY].map(|every| {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        loop {
            self.list(&mut stored).await;
            if self.duty.is_valid() {
                self.start_reading();
                self.start_sending();
            }
            self.show();
            // Otherwise, the next settling looks again.
            let due = self.next_due(stored.borrow().newest);
            let due = due.filter(|_| self.duty.is_valid());
            let is_due = sleep_until(due.unwrap_or_else(Instant::now).into());
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = stored.changed() => {}
                Some(read) = self.reading.join_next() => {
                    self.note_read(read.expect("reading does not panic"));
                }
                Some(sent) = self.sending.join_next() => {
                    let (next, outcome) = sent.expect("sending does not panic");
                    self.note_sent(next, outcome);
                }
                Some(committed) = self.ledger.committed() => self.ledger.note(committed),
                Some(call) = self.calls.recv() => self.execute(call),
                () = is_due, if due.is_some() => {}
                _ = expire.tick() => self.expire(),
                _ = settle.tick() => self.ledger.commit(),
            }
            if self.ledger.len() >= SETTLED_AT_ONCE || self.ledger.has_answers() {
                self.ledger.commit();
            }
        }
        self.finish().await;
    }

    /// Reads new deliveries from the store, and learns which ones it has dropped.
    async fn list(&mut self, stored: &mut watch::Receiver<Span>) {
        let span = *stored.borrow_and_update();
        // After that, because the deliveries of shards that another replica owns now are no longer in it.
        if !self.duty.is_valid() {
            return;
        }
        let dropped = self.queue.drop_before(span.oldest);
        self.figures.dropped(Dropped::Size, dropped);
        let now = Instant::now();
        if self.known >= span.newest || now < self.next_listing {
            return;
        }
        self.next_listing = now + LIST_EVERY;
        while self.known < span.newest {
            let next = self
                .store
                .pending(&self.upstream.name, self.known, LISTED_AT_ONCE);
            let Ok(next) = next.await else {
                // The store has logged the reason; the next listing retries.
                self.next_listing = now + SETTLE_EVERY;
                return;
            };
            let Some(last) = next.last().map(|waiting| waiting.delivery) else {
                self.known = span.newest;
                return;
            };
            self.known = last;
            for waiting in next {
                let receipt = self.deadlines.receipt(&waiting, Instant::now());
                self.queue.add(waiting, receipt);
            }
        }
    }

    /// The next time at which the worker must act, apart from events.
    fn next_due(&self, newest: i64) -> Option<Instant> {
        let now = Instant::now();
        let listing = (self.known < newest).then_some(self.next_listing);
        let pause = self.circuit.resumes_at().filter(|at| now < *at);
        let may_read = self.may_read(now);
        let retry = self.queue.next_due().filter(|_| may_read);
        listing.into_iter().chain(pause).chain(retry).min()
    }

    fn read_ahead(&self) -> usize {
        if self.circuit.is_down() {
            0
        } else {
            READ_AHEAD.min(self.upstream.max_in_flight)
        }
    }

    /// Number of further deliveries that may be read.
    fn room(&self, now: Instant) -> usize {
        let allowance = self.circuit.allowance(now);
        if allowance == 0 {
            return 0;
        }
        let held = self.read.len() + self.sending.len();
        (allowance + self.read_ahead()).saturating_sub(held)
    }

    fn may_read(&self, now: Instant) -> bool {
        // One query for many deliveries, not one for each that leaves.
        let is_low = self.read.len() <= self.read_ahead() / 2;
        self.reading.is_empty() && self.bytes_held < BODY_BUDGET && is_low && self.room(now) > 0
    }

    fn start_reading(&mut self) {
        let now = Instant::now();
        if !self.may_read(now) {
            return;
        }
        let mut batch = Vec::new();
        while batch.len() < self.room(now)
            && self.bytes_held < BODY_BUDGET
            && let Some(next) = self.take(now)
        {
            self.bytes_held += next.bytes;
            batch.push(next);
        }
        if batch.is_empty() {
            return;
        }
        let store = Arc::clone(&self.store);
        self.reading.spawn(async move {
            let deliveries: Vec<i64> = batch.iter().map(|next| next.delivery).collect();
            let contents = store.contents(&deliveries).await.map(|mut contents| {
                let all = batch.iter();
                all.map(|next| (*next, contents.remove(&next.delivery)))
                    .collect()
            });
            (batch, contents)
        });
    }

    fn take(&mut self, now: Instant) -> Option<NextDelivery> {
        let circuit = &self.circuit;
        self.queue.take(now, circuit.successes(), circuit.is_down())
    }

    fn start_sending(&mut self) {
        let allowance = self.circuit.allowance(Instant::now());
        while self.sending.len() < allowance
            && let Some((next, content)) = self.read.pop_front()
        {
            let upstream = Arc::clone(&self.upstream);
            self.sending
                .spawn(async move { (next, send(&upstream, content).await) });
        }
    }

    fn note_read(&mut self, (batch, contents): Read) {
        let Ok(contents) = contents else {
            for next in batch {
                self.bytes_held -= next.bytes;
                self.note_failed(next.delivery, SendFailure::Store.into());
            }
            return;
        };
        for (next, content) in contents {
            match content {
                Some(content) => self.read.push_back((next, content)),
                // The store has dropped the delivery.
                None => {
                    self.bytes_held -= next.bytes;
                    let waited = self.queue.done(next.delivery).is_some();
                    let is_dropped = waited && !self.duty.has_ended();
                    self.figures.dropped(Dropped::Size, usize::from(is_dropped));
                }
            }
        }
    }

    fn note_sent(&mut self, next: NextDelivery, outcome: Result<(), SendError>) {
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

    fn note_failed(&mut self, delivery: i64, refusal: SendError) {
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

    fn execute(&mut self, call: WorkerCall) {
        let WorkerCall { command, answer } = call;
        let is_meant = |waba_ids: &[WabaId]| {
            let wanted = command.waba_ids.as_ref();
            wanted.is_none_or(|wanted| waba_ids.iter().any(|it| wanted.contains(it)))
        };
        let selected = match command.action {
            Action::List => self.queue.parked_of(&is_meant),
            Action::Retry => self.queue.retry(&is_meant),
            Action::Drop => self.queue.drop_parked(&is_meant),
        };
        match command.action {
            Action::List => {}
            Action::Retry => self.ledger.unpark(&selected),
            Action::Drop => {
                self.figures.dropped(Dropped::Operator, selected.len());
                self.ledger.settle(selected.iter().copied());
            }
        }
        let report = UpstreamReport {
            upstream: self.upstream.name.clone(),
            selected: selected.len(),
            waiting: self.queue.waiting(),
            parked: self.queue.parked(),
        };
        self.notices.command_executed(command.action, &report);
        self.ledger.answer(answer, report);
    }

    fn expire(&mut self) {
        if !self.duty.is_valid() {
            return;
        }
        let (now, at_least) = (Instant::now(), clock::at_least());
        let deadlines = &self.deadlines;
        let is_too_old = |receipt: &ReceiptTimes| deadlines.have_passed(receipt, now, at_least);
        let expired = self.queue.expire(is_too_old);
        self.figures.dropped(Dropped::Age, expired.len());
        self.ledger.settle(expired);
    }

    fn show(&self) {
        self.figures.show(&Levels {
            waiting: self.queue.waiting(),
            parked: self.queue.parked(),
            in_flight: self.sending.len(),
            oldest: self.queue.oldest(),
            oldest_message: self.queue.oldest_message(),
            is_down: self.circuit.is_down(),
        });
    }

    async fn finish(mut self) {
        let arrive = async {
            while let Some(sent) = self.sending.join_next().await {
                if let Ok((next, outcome)) = sent {
                    self.note_sent(next, outcome);
                }
            }
        };
        // Deliveries that have not arrived by then are sent again after the next start.
        drop(timeout(GRACE, arrive).await);
        // One commit may be running, and a second one commits the rest. The store reports its failures.
        let commit = async {
            for _ in 0..2 {
                self.ledger.commit();
                if let Some(committed) = self.ledger.committed().await {
                    self.ledger.note(committed);
                }
            }
        };
        drop(timeout(COMMIT_GRACE, commit).await);
    }
}
