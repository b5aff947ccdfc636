//! The loop around one upstream's queue.

mod outcome;
mod reading;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
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
use crate::deliver::SendError;
use crate::domain::WabaId;
use crate::store::{Content, SideEffectPermit, Store, StoreUnavailable};
use crate::telemetry::Telemetry;

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
    permit: SideEffectPermit,
    /// Number of the last listed delivery.
    known: i64,
    /// Deliveries that could not be listed, since the first failure.
    unlisted: Option<Unlisted>,
    next_listing: Instant,
    reading: JoinSet<Read>,
    read: VecDeque<(NextDelivery, Content)>,
    sending: JoinSet<(NextDelivery, Result<(), SendError>)>,
    /// Total size of the bodies that are being read, waiting in memory, and in flight.
    bytes_held: usize,
}

/// Deliveries of the store that could not be listed.
struct Unlisted {
    count: usize,
    since: ReceiptTimes,
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
            permit: store.side_effect_permit(),
            store,
            calls,
            known: 0,
            unlisted: None,
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
            if self.permit.is_valid() {
                self.start_reading();
                self.start_sending();
            }
            self.show();
            // While the permit is suspended, the settle tick looks again.
            let due = self.next_due(stored.borrow().newest);
            let due = due.filter(|_| self.permit.is_valid());
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

    /// The next time at which the worker must act, apart from events.
    fn next_due(&self, newest: i64) -> Option<Instant> {
        let now = Instant::now();
        let listing = (self.known < newest).then_some(self.next_listing);
        let pause = self.circuit.resumes_at().filter(|at| now < *at);
        let may_read = self.may_read(now);
        let retry = self.queue.next_due().filter(|_| may_read);
        listing.into_iter().chain(pause).chain(retry).min()
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

    fn execute(&mut self, call: WorkerCall) {
        let WorkerCall { command, answer } = call;
        let is_selected = |waba_ids: &[WabaId]| {
            let wanted = command.waba_ids.as_ref();
            wanted.is_none_or(|wanted| waba_ids.iter().any(|it| wanted.contains(it)))
        };
        let selected = match command.action {
            Action::List => self.queue.parked_of(&is_selected),
            Action::Retry => self.queue.retry(&is_selected),
            Action::Drop => self.queue.drop_parked(&is_selected),
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
        if !self.permit.is_valid() {
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
        let unlisted = self.unlisted.as_ref();
        let unlisted_since = unlisted.map(|unlisted| unlisted.since);
        self.figures.show(&Levels {
            waiting: self.queue.waiting() + unlisted.map_or(0, |unlisted| unlisted.count),
            parked: self.queue.parked(),
            in_flight: self.sending.len(),
            // What could be listed is older.
            oldest: self.queue.oldest().or(unlisted_since),
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
