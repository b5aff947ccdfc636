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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::{Kind, Status, Update, WebhookUpdate};
    use crate::domain::track::{Actor, Trackers};
    use crate::domain::{PhoneNumberId, message};
    use crate::state::Traffic;

    const START: i64 = 1_775_000_000;
    const DAY: i64 = 86_400;

    /// The ids of one customer: the user id, then telephone numbers.
    const USER: u128 = 1;
    const NEW_USER: u128 = 2;
    const TELEPHONE: u128 = 10;

    /// Ids below ten are user ids.
    fn ids(ids: &[u128]) -> CustomerIds {
        let (users, others): (Vec<u128>, Vec<u128>) = ids.iter().partition(|id| **id < TELEPHONE);
        let mut users = users.into_iter().map(ConversationKey);
        let user_id = users.next();
        let others = others.into_iter().map(ConversationKey);
        CustomerIds::new(user_id, users.chain(others)).expect("it has ids")
    }

    fn traffic() -> Traffic {
        Traffic::new(PhoneNumberId::parse("900100200300400").expect("an id"))
    }

    /// Applies an update that arrives as it happens, so many seconds after the start.
    fn apply(traffic: &mut Traffic, seconds: i64, update: Update) {
        let at = Timestamp::from_seconds(START + seconds);
        let webhook = WebhookUpdate {
            phone_number_id: traffic.id.clone(),
            received_at: at,
            update,
        };
        traffic.apply_webhook(at, &webhook, None, &Trackers::default());
    }

    fn asks(from: &[u128]) -> Update {
        kind(from, Kind::Text)
    }

    fn kind(from: &[u128], kind: Kind) -> Update {
        let from = Some(ids(from));
        Update::Received { from, kind }
    }

    fn status(to: &[u128], status: Status) -> Update {
        Update::Status {
            to: Some(ids(to)),
            status,
            category: message::Category::Unknown,
            errors: Vec::new(),
        }
    }

    fn sent(to: &[u128]) -> Update {
        status(to, Status::Sent)
    }

    /// Number of counted responses, of conversations, and of waiting customers.
    fn outcome(traffic: &mut Traffic, seconds: i64) -> (u64, usize, usize) {
        traffic.settle(
            Timestamp::from_seconds(START + seconds),
            &Trackers::default(),
        );
        let answered = Actor::ALL.map(|actor| traffic.wall.by_actor(actor).all.count());
        (answered.iter().sum(), traffic.open(), traffic.waiting())
    }

    #[test]
    fn a_response_to_one_id_answers_a_message_from_the_other() {
        for (asked, answered) in [
            (&[USER][..], &[TELEPHONE, USER][..]),
            (&[USER], &[USER, TELEPHONE]),
            (&[TELEPHONE], &[USER, TELEPHONE]),
            (&[USER, TELEPHONE], &[TELEPHONE]),
            (&[USER, TELEPHONE], &[USER]),
        ] {
            let mut traffic = traffic();
            apply(&mut traffic, 0, asks(asked));
            assert_eq!(traffic.waiting(), 1);
            apply(&mut traffic, 300, sent(answered));
            let context = format!("{asked:?}, {answered:?}");
            assert_eq!(outcome(&mut traffic, 400), (1, 1, 0), "{context}");
            assert_eq!(traffic.customers_kept(), 1, "{context}");
        }
    }

    #[test]
    fn ids_of_two_customers_are_two_conversations() {
        let mut traffic = traffic();
        apply(&mut traffic, 0, asks(&[USER, TELEPHONE]));
        apply(&mut traffic, 0, asks(&[NEW_USER, TELEPHONE + 1]));
        apply(&mut traffic, 10, sent(&[TELEPHONE + 1]));
        assert_eq!(outcome(&mut traffic, 100), (1, 2, 1));
    }

    #[test]
    fn ids_stay_known_after_the_conversation_for_thirty_days() {
        let mut traffic = traffic();
        apply(&mut traffic, 0, asks(&[USER, TELEPHONE]));
        apply(&mut traffic, 60, sent(&[USER]));
        assert_eq!(outcome(&mut traffic, 2 * DAY), (1, 0, 0));
        apply(&mut traffic, 29 * DAY, asks(&[USER]));
        apply(&mut traffic, 29 * DAY + 60, sent(&[TELEPHONE]));
        assert_eq!(outcome(&mut traffic, 29 * DAY + 200), (2, 1, 0));
        assert_eq!(outcome(&mut traffic, 60 * DAY), (2, 0, 0));
        assert_eq!(traffic.customers_kept(), 0);
    }

    #[test]
    fn ids_of_a_customer_who_never_writes_are_known_for_a_day() {
        let mut traffic = traffic();
        apply(&mut traffic, 0, sent(&[USER, TELEPHONE]));
        assert_eq!(outcome(&mut traffic, 300), (0, 0, 0));
        assert_eq!(traffic.customers_kept(), 1);
        apply(&mut traffic, 600, asks(&[USER]));
        apply(&mut traffic, 660, sent(&[TELEPHONE]));
        assert_eq!(outcome(&mut traffic, 800), (1, 1, 0));

        let mut traffic = self::traffic();
        apply(&mut traffic, 0, sent(&[USER, TELEPHONE]));
        assert_eq!(outcome(&mut traffic, DAY + 100), (0, 0, 0));
        assert_eq!(traffic.customers_kept(), 0);
    }

    #[test]
    fn a_new_user_id_continues_the_conversation() {
        // Meta does not say which of the two ids the sender of the notice has.
        for others in [&[USER][..], &[USER, TELEPHONE], &[TELEPHONE]] {
            let mut traffic = traffic();
            apply(&mut traffic, 0, asks(&[USER, TELEPHONE]));
            let change = [&[NEW_USER], others].concat();
            apply(&mut traffic, 100, Update::IdChanged(ids(&change)));
            apply(&mut traffic, 300, sent(&[NEW_USER]));
            let expected = if others.contains(&USER) {
                (1, 1, 0)
            } else {
                // Without the previous id, this is a telephone number that somebody else has now.
                (0, 1, 1)
            };
            assert_eq!(outcome(&mut traffic, 400), expected, "{others:?}");
        }
    }

    #[test]
    fn changes_back_and_forth_end_at_the_newest_id_in_any_order() {
        let changes = [
            (100, Update::IdChanged(ids(&[NEW_USER, USER]))),
            (200, Update::IdChanged(ids(&[USER, NEW_USER]))),
            (300, Update::IdChanged(ids(&[NEW_USER, USER]))),
        ];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut traffic = traffic();
            apply(&mut traffic, 0, asks(&[USER, TELEPHONE]));
            for index in order {
                let (at, change) = &changes[index];
                apply(&mut traffic, *at, change.clone());
            }
            let customers: Vec<_> = traffic.customers().keys().copied().collect();
            assert_eq!(customers, [ConversationKey(NEW_USER)], "{order:?}");
            apply(&mut traffic, 400, sent(&[USER]));
            assert_eq!(outcome(&mut traffic, 500), (1, 1, 0), "{order:?}");
        }
    }

    #[test]
    fn a_telephone_number_belongs_to_the_user_with_whom_it_was_seen_last() {
        for order in [[0, 1], [1, 0]] {
            let mut traffic = traffic();
            let pairs = [
                (0, asks(&[USER, TELEPHONE])),
                (10, asks(&[NEW_USER, TELEPHONE])),
            ];
            for index in order {
                let (at, pair) = &pairs[index];
                apply(&mut traffic, *at, pair.clone());
            }
            apply(&mut traffic, 30, sent(&[TELEPHONE]));
            assert_eq!(outcome(&mut traffic, 200), (1, 2, 1));
            let waiting = traffic.customers.waiting.iter().map(|(_, main)| main.0);
            assert_eq!(waiting.collect::<Vec<_>>(), [USER], "{order:?}");
        }
    }

    #[test]
    fn what_is_no_turn_neither_begins_nor_ends_a_wait() {
        let mut traffic = traffic();
        for kind_of in [
            Kind::Edit,
            Kind::Revoke,
            Kind::Reaction,
            Kind::System,
            Kind::Other,
        ] {
            apply(&mut traffic, 0, kind(&[USER], kind_of));
        }
        assert_eq!(outcome(&mut traffic, 100), (0, 0, 0));
        apply(&mut traffic, 100, asks(&[USER]));
        let echo = |kind, actor| Update::Echo {
            to: Some(ids(&[USER])),
            kind,
            actor,
        };
        apply(&mut traffic, 200, echo(Kind::Revoke, Actor::Agent));
        assert_eq!(outcome(&mut traffic, 300), (0, 1, 1));
        apply(&mut traffic, 300, echo(Kind::Text, Actor::Agent));
        assert_eq!(outcome(&mut traffic, 400), (1, 1, 0));
        assert_eq!(traffic.wall.by_actor(Actor::Agent).all.count(), 1);
    }

    #[test]
    fn statuses_do_not_add_customers_who_are_not_known() {
        let mut traffic = traffic();
        for one in [Status::Delivered, Status::Read, Status::Failed] {
            apply(&mut traffic, 0, status(&[USER, TELEPHONE], one));
        }
        assert_eq!(traffic.customers_kept(), 0);
    }

    #[test]
    fn the_newest_owner_of_each_conversation_is_counted() {
        let owner = |of: u128, role: &str| Update::ThreadOwner {
            of: ids(&[of]),
            role: role.to_owned(),
        };
        let owners = |traffic: &Traffic| {
            let owners = traffic.thread_owners();
            let owners = owners.map(|(role, count)| format!("{role}={count}"));
            owners.collect::<Vec<_>>()
        };
        let mut traffic = traffic();
        apply(&mut traffic, 0, asks(&[USER, TELEPHONE]));
        apply(&mut traffic, 0, asks(&[NEW_USER]));
        apply(&mut traffic, 10, owner(TELEPHONE, "partner"));
        apply(&mut traffic, 20, owner(NEW_USER, "partner"));
        assert_eq!(owners(&traffic), ["partner=2"]);
        apply(&mut traffic, 30, owner(USER, "business"));
        apply(&mut traffic, 15, owner(USER, "agent"));
        assert_eq!(owners(&traffic), ["business=1", "partner=1"]);
        assert_eq!(outcome(&mut traffic, 3 * DAY), (0, 0, 0));
        assert!(owners(&traffic).is_empty(), "the conversations are over");
    }

    #[test]
    fn a_restart_keeps_all_ids() {
        let mut before = traffic();
        apply(&mut before, 0, asks(&[USER, TELEPHONE]));
        apply(&mut before, 5, Update::IdChanged(ids(&[NEW_USER, USER])));
        let mut after = traffic();
        for (key, customer) in before.customers() {
            let saved = serde_json::to_string(customer.as_ref()).expect("plain data");
            after.restore(*key, serde_json::from_str(&saved).expect("its own text"));
        }
        assert_eq!(after.customers, before.customers);
        for id in [USER, TELEPHONE] {
            let mut after = after.clone();
            apply(&mut after, 60, sent(&[id]));
            assert_eq!(outcome(&mut after, 200), (1, 1, 0));
        }
    }

    /// Something that happens to one of two customers within the reordering buffer.
    #[derive(Clone, Debug)]
    struct Turn {
        at: i64,
        customer: u128,
        is_question: bool,
        /// Bits: user id, telephone number, the number as spelled in `wa_id`.
        known: u8,
    }

    /// The ids that Meta gives in this turn. The second half of the buffer knows the customer by a new user id.
    fn ids_in(turn: &Turn) -> CustomerIds {
        let user = 2 * turn.customer + u128::from(turn.at >= HALF);
        let telephones = [TELEPHONE, TELEPHONE + 1].map(|first| first + 2 * turn.customer);
        let [first, second] = telephones;
        let known = [user, first, second].into_iter().zip([1, 2, 4]);
        let known = known.filter(|(_, bit)| turn.known & bit != 0);
        ids(&known.map(|(id, _)| id).collect::<Vec<_>>())
    }

    const HALF: i64 = 25;

    /// The updates of these turns, with the new user ids of both customers.
    fn updates(turns: &[Turn]) -> Vec<(i64, Update)> {
        let told = turns.iter().map(|turn| {
            let ids = Some(ids_in(turn));
            let update = if turn.is_question {
                Update::Received {
                    from: ids,
                    kind: Kind::Text,
                }
            } else {
                Update::Status {
                    to: ids,
                    status: Status::Sent,
                    category: message::Category::Unknown,
                    errors: Vec::new(),
                }
            };
            (turn.at, update)
        });
        let changes = [0, 2].map(|user| (HALF, Update::IdChanged(ids(&[user + 1, user]))));
        told.chain(changes).collect()
    }

    /// The same customers, read from what a store holds.
    fn restarted(before: &Traffic) -> Traffic {
        let mut after = before.clone();
        after.customers = Customers::default();
        for (key, customer) in before.customers() {
            let saved = serde_json::to_string(customer.as_ref()).expect("plain data");
            after.restore(*key, serde_json::from_str(&saved).expect("its own text"));
        }
        after
    }

    fn turn() -> impl Strategy<Value = Turn> {
        let parts = (0..2 * HALF, 0_u128..2, any::<bool>(), 1_u8..8);
        parts.prop_map(|(at, customer, is_question, known)| Turn {
            at,
            customer,
            is_question,
            known,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whichever ids Meta gives, and in whatever order its webhooks arrive, the same customers have the same
        /// conversations, also if the exporter restarts in between.
        #[test]
        fn order_of_arrival_and_restarts_do_not_matter(
            turns in prop::collection::vec(turn(), 1..12),
            seed in any::<u64>(),
            restart_after in 0_usize..14,
        ) {
            let mut told = updates(&turns);
            told.sort_by_key(|(at, _)| *at);
            let play = |told: &[(i64, Update)], restart_after: usize| {
                let mut traffic = traffic();
                for (place, (at, update)) in told.iter().enumerate() {
                    let at = Timestamp::from_seconds(START + at);
                    let webhook = WebhookUpdate {
                        phone_number_id: traffic.id.clone(),
                        received_at: Timestamp::from_seconds(START + 2 * HALF),
                        update: update.clone(),
                    };
                    traffic.apply_webhook(at, &webhook, None, &Trackers::default());
                    if place == restart_after {
                        traffic = restarted(&traffic);
                    }
                }
                let outcome = outcome(&mut traffic, 500);
                let Customers {
                    by_main_id,
                    main_ids,
                    by_age,
                    waiting,
                    ..
                } = traffic.customers;
                let customers: Vec<_> = by_main_id.keys().copied().collect();
                (outcome, traffic.wall, customers, main_ids, by_age, waiting)
            };
            let in_order = play(&told, usize::MAX);
            fastrand::Rng::with_seed(seed).shuffle(&mut told);
            prop_assert_eq!(play(&told, restart_after), in_order);
        }
    }
}
