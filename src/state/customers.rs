//! The customers of one phone number: found by any of their ids, with indexes for queries.
//!
//! Meta identifies a customer by a business-scoped user id, by a telephone number, or by both, and the business may
//! answer to either. A customer has the key of the main id; ids that were seen together with it lead to the same
//! customer. If two customers turn out to be one, their conversations are merged.
//!
//! Customers are stored in persistent maps, so that a commit copies only those that it changes.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::customer::Customer;
use crate::domain::{ConversationKey, CustomerIds, Timestamp};

type Index = OrdSet<(Timestamp, ConversationKey)>;

/// The customers with a conversation, and those whose ids are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Customers {
    by_main_id: OrdMap<ConversationKey, Arc<Customer>>,
    /// The main id of each other id.
    main_ids: OrdMap<ConversationKey, ConversationKey>,
    /// Customers who wait for a response, by the start of their wait.
    waiting: Index,
    /// Customers with something to settle, by its time.
    due: Index,
    /// Conversations by the time of their last message.
    by_age: Index,
    /// Customers without a conversation, by the time until which they are remembered.
    remembered: Index,
    /// Number of conversations by the role of the application that controls them, where Meta has reported it.
    owners: OrdMap<String, usize>,
}

impl Customers {
    /// Every customer, by main id.
    pub fn all(&self) -> &OrdMap<ConversationKey, Arc<Customer>> {
        &self.by_main_id
    }

    /// Number of conversations.
    pub fn conversations(&self) -> usize {
        self.by_age.len()
    }

    /// Number of waiting customers.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Start of the longest current wait.
    pub fn oldest_waiting(&self) -> Option<Timestamp> {
        self.waiting.get_min().map(|(since, _)| *since)
    }

    /// Number of conversations by the role of the application that controls them.
    pub fn owners(&self) -> impl Iterator<Item = (&str, usize)> {
        self.owners
            .iter()
            .map(|(role, count)| (role.as_str(), *count))
    }

    /// The next customer with something to settle.
    pub fn first_due(&self) -> Option<(Timestamp, ConversationKey)> {
        self.due.get_min().copied()
    }

    /// The conversation that was silent for longest.
    pub fn oldest_conversation(&self) -> Option<(Timestamp, ConversationKey)> {
        self.by_age.get_min().copied()
    }

    /// The remembered customer who is forgotten first.
    pub fn first_forgotten(&self) -> Option<(Timestamp, ConversationKey)> {
        self.remembered.get_min().copied()
    }

    /// The customer with these ids, seen together at this time.
    pub fn identify(&mut self, ids: &CustomerIds, at: Timestamp) -> ConversationKey {
        let main = self.main_id_among(ids);
        if ids.all().nth(1).is_some() {
            for other in ids.all() {
                self.join(other, main, at);
            }
        }
        if ids.user_id() == Some(main) {
            self.note_user_id(main);
        }
        main
    }

    /// The customer whose user id has changed at this time; the others are the previous ids.
    pub fn change_id(&mut self, ids: &CustomerIds, at: Timestamp) -> ConversationKey {
        // A customer who returns to an earlier id.
        if let Some(user_id) = ids.user_id() {
            let holder = self.main_id_of(user_id);
            let is_older = |seen| seen < at;
            if holder != user_id && self.seen_at(holder, user_id).is_some_and(is_older) {
                self.detach(user_id, holder);
            }
        }
        self.identify(ids, at)
    }

    /// Like [`identify`](Self::identify), but learns only what concerns a known customer.
    pub fn identify_known(&mut self, ids: &CustomerIds, at: Timestamp) {
        let mains = ids.all().map(|id| self.main_id_of(id));
        let mut mains: Vec<_> = mains.collect();
        let is_known = mains.iter().any(|main| self.by_main_id.contains_key(main));
        mains.dedup();
        // Most statuses repeat ids that are known to belong together.
        if is_known && mains.len() > 1 {
            self.identify(ids, at);
        }
    }

    /// Removes a customer, with all indexes.
    pub fn take(&mut self, main: ConversationKey) -> Option<Customer> {
        let customer = self.by_main_id.remove(&main)?;
        if let Some(since) = customer.conversation.waiting_since() {
            self.waiting.remove(&(since, main));
        }
        if let Some(first) = customer.first_due() {
            self.due.remove(&(first, main));
        }
        if customer.is_conversation() {
            self.by_age.remove(&(customer.last_at(), main));
            self.count_owner(&customer, |count| count.saturating_sub(1));
        } else if let Some(until) = customer.remembered_until() {
            self.remembered.remove(&(until, main));
        }
        for other in customer.other_ids() {
            self.main_ids.remove(&other);
        }
        Some(Arc::unwrap_or_clone(customer))
    }

    /// Adds a customer, unless there is nothing to know about them.
    pub fn put(&mut self, main: ConversationKey, customer: Customer) {
        if customer.is_conversation() {
            self.by_age.insert((customer.last_at(), main));
            self.count_owner(&customer, |count| count + 1);
        } else if let Some(until) = customer.remembered_until() {
            self.remembered.insert((until, main));
        } else {
            return;
        }
        if let Some(since) = customer.conversation.waiting_since() {
            self.waiting.insert((since, main));
        }
        if let Some(first) = customer.first_due() {
            self.due.insert((first, main));
        }
        for other in customer.other_ids() {
            self.main_ids.insert(other, main);
        }
        self.by_main_id.insert(main, Arc::new(customer));
    }

    fn main_id_of(&self, id: ConversationKey) -> ConversationKey {
        self.main_ids.get(&id).copied().unwrap_or(id)
    }

    /// The main id of the customer with these ids: that of the user id, else of the first id that belongs to a known
    /// customer.
    fn main_id_among(&self, ids: &CustomerIds) -> ConversationKey {
        if let Some(user_id) = ids.user_id() {
            return self.main_id_of(user_id);
        }
        let holders = ids.others().iter().filter_map(|id| self.main_ids.get(id));
        let first = ids.others().first();
        let main = holders.chain(first).next().copied();
        main.expect("there is at least one id")
    }

    fn seen_at(&self, main: ConversationKey, id: ConversationKey) -> Option<Timestamp> {
        self.by_main_id.get(&main)?.seen_at(id)
    }

    fn has_user_id(&self, main: ConversationKey) -> bool {
        let customer = self.by_main_id.get(&main);
        customer.is_some_and(|customer| customer.has_user_id())
    }

    fn note_user_id(&mut self, main: ConversationKey) {
        if !self.has_user_id(main)
            && let Some(mut customer) = self.take(main)
        {
            customer.note_user_id();
            self.put(main, customer);
        }
    }

    /// Makes `other` an id of the customer `main`. A telephone number can get a new owner, so of two users with the
    /// same number, the one counts with whom it was seen last.
    fn join(&mut self, other: ConversationKey, main: ConversationKey, at: Timestamp) {
        if other == main {
            return;
        }
        let holder = self.main_id_of(other);
        let mut absorbed = None;
        if holder != main {
            if holder == other || !self.has_user_id(holder) {
                absorbed = self.take(holder);
            } else {
                let seen_at = self.seen_at(holder, other);
                if seen_at.is_some_and(|seen| (seen, holder) > (at, main)) {
                    return;
                }
                self.detach(other, holder);
            }
        }
        let mut customer = self.take(main).unwrap_or_default();
        if let Some(absorbed) = absorbed {
            customer.absorb(absorbed);
            if holder != other {
                customer.note_id(holder, at);
            }
        }
        customer.note_id(other, at);
        self.put(main, customer);
    }

    fn detach(&mut self, id: ConversationKey, holder: ConversationKey) {
        if let Some(mut customer) = self.take(holder) {
            customer.forget_id(id);
            self.put(holder, customer);
        }
    }

    fn count_owner(&mut self, customer: &Customer, change: impl Fn(usize) -> usize) {
        if let Some(role) = customer.owner() {
            let count = change(self.owners.get(role).copied().unwrap_or_default());
            if count == 0 {
                self.owners.remove(role);
            } else {
                self.owners.insert(role.to_owned(), count);
            }
        }
    }
}

#[cfg(test)]
mod tests;
