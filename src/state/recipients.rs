//! The customers of one phone number in the count of recipients, by a key that is the same for all numbers of the
//! business.
//!
//! Ids that were seen together lead to one customer, as in [`customers`](super::customers). Two user ids are two
//! customers, even if both were seen with the same telephone number. The number then belongs to the customer with the
//! greater key, so that the order of arrival does not matter.
//!
//! Recipients are stored in persistent maps, so that a commit copies only those that it changes.

use std::sync::Arc;
use std::time::Duration;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};

use super::recipient::{Recipient, WINDOW};
use super::redate::{Dated, Redating};
use crate::domain::{RecipientIds, RecipientKey, Timestamp};

/// How long data without effect is kept before it is removed. Counting ignores such data, so that many removals can
/// share a commit.
const REMOVED_AFTER: Duration = Duration::from_secs(10 * 60);

/// The recipients of one phone number, and the customers who may become recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    by_main_id: OrdMap<RecipientKey, Arc<Recipient>>,
    /// The main id of each other id.
    main_ids: OrdMap<RecipientKey, RecipientKey>,
    /// Customers with a delivery outside a window, with the time of the last one.
    delivered: OrdMap<RecipientKey, Timestamp>,
    /// The customers in `delivered` whose main id is not a user id.
    without_user_id: OrdSet<RecipientKey>,
    /// Customers by the time at which some of their data can be removed.
    due: OrdSet<(Timestamp, RecipientKey)>,
}

/// What happened to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// The customer wrote or called.
    Inbound,
    /// A message was delivered to the customer.
    Delivery,
    /// The customer has a new user id.
    IdChange,
}

impl Dated for Recipients {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.by_main_id.values().for_each(|one| one.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        let ahead = self.by_main_id.iter();
        let ahead = ahead.filter(|(_, one)| one.is_ahead_of(to.latest));
        for key in ahead.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.update(key, |one| one.redate(to));
        }
    }
}

impl Recipients {
    /// Number of customers that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.by_main_id.len()
    }

    /// Number of customers who count at this time.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.delivered.len() - self.over(now).count()
    }

    /// Whether the customer with this main id counts at this time.
    #[must_use]
    pub fn counts(&self, main: RecipientKey, now: Timestamp) -> bool {
        let last = self.delivered.get(&main);
        last.is_some_and(|last| counts(*last, now))
    }

    /// The main ids of customers with a delivery who do not count any more.
    pub fn over(&self, now: Timestamp) -> impl Iterator<Item = RecipientKey> + '_ {
        let due = self.due.iter().take_while(move |(at, _)| *at <= now);
        let is_over = move |key: &RecipientKey| {
            let last = self.delivered.get(key);
            last.is_some_and(|last| !counts(*last, now))
        };
        due.map(|(_, key)| *key).filter(is_over)
    }

    /// The main ids of customers who have a delivery now and had none before, with `true`; of customers who had one
    /// before and have none now, with `false`.
    pub fn delivered_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (RecipientKey, bool)> + 'a {
        let changes = before.delivered.diff(&self.delivered);
        changes.filter_map(|change| match change {
            DiffItem::Add(key, _) => Some((*key, true)),
            DiffItem::Remove(key, _) => Some((*key, false)),
            DiffItem::Update { .. } => None,
        })
    }

    /// The main ids of customers with a delivery that are not user ids: another number may have the user id.
    #[must_use]
    pub fn without_user_id(&self) -> &OrdSet<RecipientKey> {
        &self.without_user_id
    }

    /// The main id of each other id.
    #[must_use]
    pub fn main_ids(&self) -> &OrdMap<RecipientKey, RecipientKey> {
        &self.main_ids
    }

    /// Every customer, for the store.
    pub(crate) fn all(&self) -> &OrdMap<RecipientKey, Arc<Recipient>> {
        &self.by_main_id
    }

    /// Adds a stored customer.
    pub(crate) fn restore(&mut self, key: RecipientKey, recipient: Recipient) {
        self.put(key, recipient);
    }

    /// Records a contact with a customer. Returns `false` if the customer is new and the limit is reached.
    pub(super) fn note(
        &mut self,
        ids: &RecipientIds,
        at: Timestamp,
        contact: Contact,
        has_room: bool,
    ) -> bool {
        let is_known = ids.all().any(|id| self.is_known(id));
        if !is_known && contact == Contact::IdChange {
            return true;
        }
        if !is_known && !has_room {
            return false;
        }
        let main = self.identify(ids);
        self.update(main, |one| {
            if ids.user_id() == Some(main) {
                one.note_user_id();
            }
            match contact {
                Contact::Inbound => one.note_inbound(at),
                Contact::Delivery => one.note_delivery(at),
                Contact::IdChange => {}
            }
        });
        true
    }

    /// Whether there is something to remove.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let first = self.due.get_min();
        first.is_some_and(|(at, _)| *at <= now.minus(REMOVED_AFTER))
    }

    /// Removes data that has had no effect for [`REMOVED_AFTER`].
    pub(super) fn expire(&mut self, now: Timestamp) {
        let until = now.minus(REMOVED_AFTER);
        while let Some((_, key)) = self.due.get_min().copied().filter(|one| one.0 <= until) {
            self.update(key, |one| one.expire(until));
        }
    }

    fn is_known(&self, id: RecipientKey) -> bool {
        self.main_ids.contains_key(&id) || self.by_main_id.contains_key(&id)
    }

    /// The main id of the customer with these ids. The ids are merged into one customer.
    fn identify(&mut self, ids: &RecipientIds) -> RecipientKey {
        let main = match ids.user_id() {
            Some(user_id) => self.main_id_of(user_id),
            None => self.main_id_among(ids.others()),
        };
        for other in ids.all().filter(|id| *id != main) {
            self.join(other, main);
        }
        main
    }

    fn main_id_of(&self, id: RecipientKey) -> RecipientKey {
        self.main_ids.get(&id).copied().unwrap_or(id)
    }

    /// The main id of the first of these ids that is linked to a different main id, or else of the first known id.
    fn main_id_among(&self, ids: &[RecipientKey]) -> RecipientKey {
        let holders = ids.iter().filter_map(|id| self.main_ids.get(id));
        let known = ids.iter().filter(|id| self.by_main_id.contains_key(*id));
        let main = holders.chain(known).chain(ids.first()).next().copied();
        main.expect("there is at least one id")
    }

    fn has_user_id(&self, main: RecipientKey) -> bool {
        let one = self.by_main_id.get(&main);
        one.is_some_and(|one| one.has_user_id())
    }

    /// Makes `other` an id of the customer `main`.
    fn join(&mut self, other: RecipientKey, main: RecipientKey) {
        let holder = self.main_id_of(other);
        if holder == main {
            return;
        }
        let mut absorbed = None;
        if holder == other || !self.has_user_id(holder) {
            absorbed = self.take(holder);
        } else if holder > main {
            return;
        } else if let Some(mut former) = self.take(holder) {
            former.forget_id(other);
            self.put(holder, former);
        }
        let mut one = self.take(main).unwrap_or_default();
        if let Some(absorbed) = absorbed {
            one.absorb(&absorbed);
            if holder != other {
                one.note_id(holder);
            }
        }
        one.note_id(other);
        self.index(main, one);
    }

    /// Changes a known or a new customer. A customer without data is removed.
    fn update(&mut self, main: RecipientKey, change: impl FnOnce(&mut Recipient)) {
        let before = self.by_main_id.get(&main).cloned();
        let mut one = before.as_deref().cloned().unwrap_or_default();
        change(&mut one);
        let now = Some(one).filter(|one| one.first_due().is_some());
        self.replace(main, before.as_deref(), now);
    }

    /// Removes a customer, with all indexes.
    fn take(&mut self, main: RecipientKey) -> Option<Recipient> {
        let one = self.by_main_id.get(&main).cloned()?;
        self.replace(main, Some(&one), None);
        Some(Arc::unwrap_or_clone(one))
    }

    /// Adds a customer, unless there is no data about them.
    fn put(&mut self, main: RecipientKey, one: Recipient) {
        let now = Some(one).filter(|one| one.first_due().is_some());
        self.replace(main, None, now);
    }

    /// Adds a customer, even if there is no data about them yet.
    fn index(&mut self, main: RecipientKey, one: Recipient) {
        self.replace(main, None, Some(one));
    }

    /// Replaces a customer. Only indexes whose entry differs change: most messages change few entries.
    fn replace(&mut self, main: RecipientKey, before: Option<&Recipient>, now: Option<Recipient>) {
        let [old, new] = [before, now.as_ref()];
        let [old_due, new_due] = [old, new].map(|one| one?.first_due());
        if old_due != new_due {
            old_due.map(|at| self.due.remove(&(at, main)));
            new_due.map(|at| self.due.insert((at, main)));
        }
        let [old_last, new_last] = [old, new].map(|one| one?.last_uncovered());
        if old_last != new_last {
            match new_last {
                Some(last) => drop(self.delivered.insert(main, last)),
                None => drop(self.delivered.remove(&main)),
            }
        }
        let is_without = |one: Option<&Recipient>| {
            one.is_some_and(|one| one.last_uncovered().is_some() && !one.has_user_id())
        };
        match (is_without(old), is_without(new)) {
            (false, true) => drop(self.without_user_id.insert(main)),
            (true, false) => drop(self.without_user_id.remove(&main)),
            (true, true) | (false, false) => {}
        }
        let [old_ids, new_ids] = [old, new].map(|one| one.map_or(&[][..], |one| one.other_ids()));
        if old_ids != new_ids {
            for id in old_ids {
                self.main_ids.remove(id);
            }
            for id in new_ids {
                self.main_ids.insert(*id, main);
            }
        }
        match (before, now) {
            (_, Some(now)) => drop(self.by_main_id.insert(main, Arc::new(now))),
            (Some(_), None) => drop(self.by_main_id.remove(&main)),
            (None, None) => {}
        }
    }
}

/// Whether a delivery at this time, outside a window, counts now.
fn counts(delivered_at: Timestamp, now: Timestamp) -> bool {
    delivered_at.plus(WINDOW) > now
}
