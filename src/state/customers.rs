//! The customers of one phone number: found by any of their ids, with indexes for queries.
//!
//! Meta identifies a customer by a business-scoped user id, by a telephone number, or by both, and the business may
//! answer to either. A customer has the key of the main id; ids that were seen together with it lead to the same
//! customer. If two customers prove to be one, their conversations are merged.
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
    /// Customers with an event or session to settle, by its time.
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

    /// The conversation whose last message is oldest.
    pub fn oldest_conversation(&self) -> Option<(Timestamp, ConversationKey)> {
        self.by_age.get_min().copied()
    }

    /// The customer without a conversation whose retention ends first.
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

    /// Like [`identify`](Self::identify), but records nothing for an unknown customer.
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

    /// Changes a customer, or a new one.
    pub fn update(&mut self, main: ConversationKey, change: impl FnOnce(&mut Customer)) {
        let before = self.by_main_id.get(&main).cloned();
        let mut customer = before.as_deref().cloned().unwrap_or_default();
        change(&mut customer);
        self.replace(main, before.as_deref(), Some(customer));
    }

    /// Removes a customer, with all indexes.
    pub fn take(&mut self, main: ConversationKey) -> Option<Customer> {
        let customer = self.by_main_id.get(&main).cloned()?;
        self.replace(main, Some(&customer), None);
        Some(Arc::unwrap_or_clone(customer))
    }

    /// Adds a customer, unless nothing is known about them.
    pub fn put(&mut self, main: ConversationKey, customer: Customer) {
        self.replace(main, None, Some(customer));
    }

    /// Replaces a customer, or removes the customer if nothing is known. Only indexes whose entry differs change: most
    /// messages change few entries.
    fn replace(&mut self, main: ConversationKey, before: Option<&Customer>, now: Option<Customer>) {
        let now = now.filter(|now| now.is_conversation() || now.remembered_until().is_some());
        let [old, new] = [before, now.as_ref()].map(IndexEntries::new);
        move_entry(&mut self.waiting, main, old.waiting, new.waiting);
        move_entry(&mut self.due, main, old.due, new.due);
        move_entry(&mut self.by_age, main, old.by_age, new.by_age);
        move_entry(&mut self.remembered, main, old.remembered, new.remembered);
        self.move_owner(old.owner, new.owner);
        self.move_ids(main, before, now.as_ref());
        match (before, now) {
            (_, Some(now)) => drop(self.by_main_id.insert(main, Arc::new(now))),
            (Some(_), None) => drop(self.by_main_id.remove(&main)),
            (None, None) => {}
        }
    }

    fn move_ids(
        &mut self,
        main: ConversationKey,
        before: Option<&Customer>,
        now: Option<&Customer>,
    ) {
        let ids = |one: Option<&Customer>| -> Vec<ConversationKey> {
            one.into_iter().flat_map(Customer::other_ids).collect()
        };
        let [old, new] = [ids(before), ids(now)];
        if old == new {
            return;
        }
        for id in old {
            self.main_ids.remove(&id);
        }
        for id in new {
            self.main_ids.insert(id, main);
        }
    }

    fn move_owner(&mut self, old: Option<&str>, new: Option<&str>) {
        if old != new {
            self.count_owner(old, |count| count.saturating_sub(1));
            self.count_owner(new, |count| count + 1);
        }
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
        if self.by_main_id.contains_key(&main) && !self.has_user_id(main) {
            self.update(main, Customer::note_user_id);
        }
    }

    /// Makes `other` an id of the customer `main`. A telephone number can get a new owner, so of two users with the
    /// same number, it belongs to the user with whom it was seen last.
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

    fn count_owner(&mut self, role: Option<&str>, change: impl Fn(usize) -> usize) {
        if let Some(role) = role {
            let count = change(self.owners.get(role).copied().unwrap_or_default());
            if count == 0 {
                self.owners.remove(role);
            } else {
                self.owners.insert(role.to_owned(), count);
            }
        }
    }
}

/// The entries of one customer in the indexes.
#[derive(Default)]
struct IndexEntries<'a> {
    waiting: Option<Timestamp>,
    due: Option<Timestamp>,
    by_age: Option<Timestamp>,
    remembered: Option<Timestamp>,
    owner: Option<&'a str>,
}

impl<'a> IndexEntries<'a> {
    fn new(customer: Option<&'a Customer>) -> Self {
        let Some(customer) = customer else {
            return Self::default();
        };
        let is_conversation = customer.is_conversation();
        Self {
            waiting: customer.conversation.waiting_since(),
            due: customer.first_due(),
            by_age: is_conversation.then(|| customer.last_at()),
            remembered: customer.remembered_until().filter(|_| !is_conversation),
            owner: customer.owner().filter(|_| is_conversation),
        }
    }
}

fn move_entry(
    index: &mut Index,
    main: ConversationKey,
    old: Option<Timestamp>,
    new: Option<Timestamp>,
) {
    if old != new {
        old.map(|at| index.remove(&(at, main)));
        new.map(|at| index.insert((at, main)));
    }
}

#[cfg(test)]
mod tests;
