//! The effects of time: events settle, conversations end, and customers are removed.

use super::super::conversation::SESSION;
use super::{REORDERING, Traffic};
use crate::domain::track::Trackers;
use crate::domain::{ConversationKey, Timestamp};

impl Traffic {
    /// Whether an event settles, a conversation ends or a customer is removed up to this time.
    pub(in crate::state) fn is_due(&self, now: Timestamp) -> bool {
        let until = now.minus(REORDERING);
        let settles = self.customers.first_due();
        let ends = self.customers.oldest_conversation();
        let forgets = self.customers.first_forgotten();
        settles.is_some_and(|(at, _)| at <= until)
            || ends.is_some_and(|(at, _)| at < until.minus(SESSION))
            || forgets.is_some_and(|(at, _)| at < until)
            || self.recipients.is_due(now)
    }

    /// Counts events that no earlier event can precede any more, ends conversations without messages for a day, and
    /// removes customers.
    pub(in crate::state) fn settle(&mut self, now: Timestamp, trackers: &Trackers) {
        let until = now.minus(REORDERING);
        // Settles one time of one customer after the other, so that the events of all customers count in the order of
        // their times.
        while let Some((due, key)) = self.customers.first_due().filter(|one| one.0 <= until) {
            self.change(key, trackers, |customer, counting| {
                counting.settle(customer, due);
            });
        }
        let silent_since = until.minus(SESSION);
        let is_silent = |one: &(Timestamp, ConversationKey)| one.0 < silent_since;
        while let Some((_, key)) = self.customers.oldest_conversation().filter(is_silent) {
            match self.close(key, trackers) {
                Some(true) => self.ended.unanswered += 1,
                Some(false) => self.ended.answered += 1,
                None => {}
            }
        }
        let is_over = |one: &(Timestamp, ConversationKey)| one.0 < until;
        while let Some((_, key)) = self.customers.first_forgotten().filter(is_over) {
            self.customers.take(key);
        }
    }

    /// Removes a customer without a conversation. If there is none, closes the conversation whose last message is
    /// oldest.
    pub(in crate::state) fn forget_customer(&mut self, trackers: &Trackers) {
        if let Some((_, key)) = self.customers.first_forgotten() {
            let (customers, mut counting) = self.counting(trackers);
            if let Some(mut customer) = customers.take(key) {
                counting.abandon(&mut customer);
            }
        } else if let Some((_, key)) = self.customers.oldest_conversation() {
            self.close(key, trackers);
            self.customers.take(key);
            self.ended.overflow += 1;
        }
    }

    /// Closes a conversation; the ids of its customer are kept. Returns whether the customer was waiting; `None` if
    /// there is no such conversation.
    fn close(&mut self, key: ConversationKey, trackers: &Trackers) -> Option<bool> {
        let (customers, mut counting) = self.counting(trackers);
        let mut closed = customers.take(key)?;
        counting.abandon(&mut closed);
        let conversation = &closed.conversation;
        let was_waiting = conversation.waiting_since().is_some();
        let was_waiting = conversation.is_conversation().then_some(was_waiting);
        closed.end();
        self.customers.put(key, closed);
        was_waiting
    }
}
