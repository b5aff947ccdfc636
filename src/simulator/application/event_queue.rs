//! Events that the application has not reported yet. Pure.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Maximum number of queued events. Beyond it, the oldest are dropped, so that an exporter that accepts none cannot
/// exhaust the memory.
const MAX_QUEUED: usize = 5_000;
/// Maximum number of events of a batch: the limit of the exporter's event API.
const MAX_BATCH: usize = 1_000;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    events: VecDeque<Value>,
}

impl EventQueue {
    /// Adds events.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Value>) {
        self.events.extend(events);
        let surplus = self.events.len().saturating_sub(MAX_QUEUED);
        self.events.drain(..surplus);
    }

    /// Takes the oldest events; empty if there are none.
    pub fn take_batch(&mut self) -> Vec<Value> {
        let count = self.events.len().min(MAX_BATCH);
        self.events.drain(..count).collect()
    }

    /// Returns a batch that was not accepted, to send it again first. The id of an event makes it count once.
    pub fn put_back(&mut self, batch: Vec<Value>) {
        let newer = std::mem::replace(&mut self.events, batch.into());
        self.extend(newer);
    }
}

/// The body of a request to the event API.
pub(super) fn batch_body(batch: &[Value]) -> String {
    json!({ "events": batch }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = Value> {
        range.map(Value::from)
    }

    #[test]
    fn a_batch_that_is_put_back_comes_first_again() {
        let mut queue = EventQueue::default();
        queue.extend(numbers(0..1_500));
        let batch = queue.take_batch();
        assert!(batch.iter().cloned().eq(numbers(0..1_000)));
        queue.extend(numbers(1_500..1_600));
        queue.put_back(batch);
        assert!(queue.take_batch().into_iter().eq(numbers(0..1_000)));
        assert!(queue.take_batch().into_iter().eq(numbers(1_000..1_600)));
        assert!(queue.take_batch().is_empty());
    }

    #[test]
    fn the_oldest_events_are_dropped_beyond_the_limit() {
        let mut queue = EventQueue::default();
        queue.extend(numbers(0..MAX_QUEUED + 10));
        assert_eq!(queue.take_batch()[0], 10);
    }
}
