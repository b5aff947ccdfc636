//! Any order of arrival and restarts in between give the same customers.

use proptest::prelude::*;

use super::*;

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
    let reports = turns.iter().map(|turn| {
        let ids = Some(ids_in(turn));
        let update = if turn.is_question {
            Update::Received {
                from: ids,
                kind: Kind::Text,
                context: MessageContext::default(),
            }
        } else {
            Update::Status {
                to: ids,
                status: Status::Sent,
                category: message::Category::Unknown,
                errors: Vec::new(),
                mark: None,
            }
        };
        (turn.at, update)
    });
    let changes = [0, 2].map(|user| (HALF, Update::IdChanged(ids(&[user + 1, user]))));
    reports.chain(changes).collect()
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
        let mut reports = updates(&turns);
        reports.sort_by_key(|(at, _)| *at);
        let play = |reports: &[(i64, Update)], restart_after: usize| {
            let mut traffic = traffic();
            for (place, (at, update)) in reports.iter().enumerate() {
                let at = Timestamp::from_seconds(START + at);
                let webhook = WebhookUpdate {
                    phone_number_id: traffic.id.clone(),
                    received_at: Timestamp::from_seconds(START + 2 * HALF),
                    recipient: None,
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
        let in_order = play(&reports, usize::MAX);
        fastrand::Rng::with_seed(seed).shuffle(&mut reports);
        prop_assert_eq!(play(&reports, restart_after), in_order);
    }
}
