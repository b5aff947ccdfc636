//! Reads deliveries from the store: lists new ones, and reads the bodies of those to send next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Read, SETTLE_EVERY, Unlisted, UpstreamWorker};
use crate::clock;
use crate::deliver::SendFailure;
use crate::relay::deadline::ReceiptTimes;
use crate::relay::figures::Dropped;
use crate::relay::queue::NextDelivery;
use crate::store::{Span, StoreUnavailable};

/// Maximum number of deliveries in one listing, which does not contain their bodies.
const LISTED_AT_ONCE: u32 = 1_000;

/// Minimum interval between two listings of new deliveries: a busy second costs 50 queries, not one per delivery.
const LIST_EVERY: Duration = Duration::from_millis(20);

/// Maximum number of deliveries read from the store ahead of sending, so that one query reads many.
const READ_AHEAD: usize = 32;

/// Maximum bytes of the bodies held for one upstream, in flight and read ahead: eight of the largest. A small
/// delivery takes half a kilobyte, so this does not limit the usual 64 in flight.
const BODY_BUDGET: usize = 32 << 20;

impl UpstreamWorker {
    /// Lists new deliveries of the store, and removes those that it has dropped.
    pub(super) async fn list(&mut self, stored: &mut watch::Receiver<Span>) {
        let span = *stored.borrow_and_update();
        // Checked after the span is read, because the span lacks the deliveries of shards that another replica owns by
        // now.
        if !self.permit.is_valid() {
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
            let next = match next.await {
                Ok(next) => next,
                Err(error) => {
                    self.note_unlisted(&error, span, now);
                    self.next_listing = now + SETTLE_EVERY;
                    return;
                }
            };
            self.unlisted = None;
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

    /// New deliveries wait, although the store cannot list them.
    fn note_unlisted(&mut self, error: &StoreUnavailable, span: Span, now: Instant) {
        self.figures.failed(SendFailure::Store);
        self.notices.queue_is_unreadable(error, now);
        let count = usize::try_from(span.newest - self.known).unwrap_or_default();
        let since = match &self.unlisted {
            Some(before) => before.since,
            None => ReceiptTimes {
                received_at: clock::now(),
                listed_at: now,
                is_earlier: false,
            },
        };
        self.unlisted = Some(Unlisted { count, since });
    }

    fn read_ahead(&self) -> usize {
        if self.circuit.is_down() {
            0
        } else {
            READ_AHEAD.min(self.upstream.max_in_flight)
        }
    }

    /// Number of further deliveries that may be read.
    fn read_capacity(&self, now: Instant) -> usize {
        let allowance = self.circuit.allowance(now);
        if allowance == 0 {
            return 0;
        }
        let held = self.read.len() + self.sending.len();
        (allowance + self.read_ahead()).saturating_sub(held)
    }

    pub(super) fn may_read(&self, now: Instant) -> bool {
        // One query for many deliveries, not one for each that leaves.
        let is_low = self.read.len() <= self.read_ahead() / 2;
        self.reading.is_empty()
            && self.bytes_held < BODY_BUDGET
            && is_low
            && self.read_capacity(now) > 0
    }

    pub(super) fn start_reading(&mut self) {
        let now = Instant::now();
        if !self.may_read(now) {
            return;
        }
        let mut batch = Vec::new();
        while batch.len() < self.read_capacity(now)
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

    pub(super) fn note_read(&mut self, (batch, contents): Read) {
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => {
                self.notices.queue_is_unreadable(&error, Instant::now());
                for next in batch {
                    self.bytes_held -= next.bytes;
                    self.note_failed(next.delivery, SendFailure::Store.into());
                }
                return;
            }
        };
        for (next, content) in contents {
            match content {
                Some(content) => self.read.push_back((next, content)),
                // The store has dropped the delivery.
                None => {
                    self.bytes_held -= next.bytes;
                    let waited = self.queue.done(next.delivery).is_some();
                    let is_dropped = waited && !self.permit.has_ended();
                    self.figures.dropped(Dropped::Size, usize::from(is_dropped));
                }
            }
        }
    }
}
