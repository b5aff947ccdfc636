//! Tests of customers with one id or several.

mod any_order;

use super::*;
use crate::domain::mark::MessageContext;
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
        recipient: None,
        update,
    };
    traffic.apply_webhook(at, &webhook, None, &Trackers::default());
}

fn asks(from: &[u128]) -> Update {
    kind(from, Kind::Text)
}

fn kind(from: &[u128], kind: Kind) -> Update {
    let from = Some(ids(from));
    Update::Received {
        from,
        kind,
        context: MessageContext::default(),
    }
}

fn status(to: &[u128], status: Status) -> Update {
    Update::Status {
        to: Some(ids(to)),
        status,
        category: message::Category::Unknown,
        errors: Vec::new(),
        mark: None,
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
            // Without the previous id, the telephone number may belong to another customer now.
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
