//! Drawn messages, calls and deliveries over several numbers, accounts and portfolios, with several ids of a customer,
//! repeats, disorder and restarts: the count is always that of the oracle.

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::oracle::{Happening, Kind, recipients};
use super::payload::{Ids, body};
use super::play::Player;
use crate::support::EPOCH_SECONDS;

const HOUR: i64 = 3_600;

/// The numbers of each portfolio.
const PORTFOLIOS: [(&str, &[usize]); 2] = [("700100", &[0, 1, 2]), ("700200", &[3])];

/// How Meta names a customer.
#[derive(Clone, Copy, Debug)]
enum Naming {
    /// Always by the user id.
    User,
    /// Always by the telephone number, as before user ids existed.
    Telephone,
    /// Deliveries by both, messages and calls by any.
    Mixed,
    /// By the telephone number at the first number, and mixed elsewhere.
    TelephoneAtFirst,
}

#[derive(Clone, Debug)]
struct Drawn {
    happening: Happening,
    /// Drawn for customers with several ids.
    ids: Ids,
    in_standby: bool,
    /// Seconds after which the delivery comes again.
    repeated_after: Option<i64>,
}

fn ids(naming: Naming, drawn: &Drawn) -> Ids {
    let of_business = ![Kind::Message, Kind::Call, Kind::Reaction].contains(&drawn.happening.kind);
    match naming {
        Naming::User => Ids::User,
        Naming::Telephone => Ids::Telephone,
        Naming::TelephoneAtFirst if drawn.happening.number == 0 => Ids::Telephone,
        Naming::Mixed | Naming::TelephoneAtFirst if of_business => Ids::Both,
        Naming::Mixed | Naming::TelephoneAtFirst => drawn.ids,
    }
}

fn naming() -> impl Strategy<Value = Naming> {
    prop::sample::select(vec![
        Naming::User,
        Naming::Telephone,
        Naming::Mixed,
        Naming::TelephoneAtFirst,
    ])
}

/// Deliveries and messages most of the time, at hours and a second before and after them, so that windows end exactly
/// at deliveries.
fn drawn() -> impl Strategy<Value = Drawn> {
    let kind = prop_oneof![
        4 => Just(Kind::Delivered),
        3 => Just(Kind::Message),
        1 => Just(Kind::Call),
        1 => prop::sample::select(Kind::ALL.to_vec()),
    ];
    let late = prop_oneof![6 => 0..60_i64, 2 => 0..HOUR, 2 => 0..36 * HOUR];
    let when = (0..72_i64, prop::sample::select(vec![-1_i64, 0, 0, 1]))
        .prop_map(|(hour, off)| hour * HOUR + off);
    let repeated = prop::option::weighted(0.2, 0..30 * HOUR);
    let ids = prop::sample::select(Ids::ALL.to_vec());
    let who = (0..4_usize, prop_oneof![3 => 0..2_usize, 1 => 2..4_usize]);
    (
        who,
        kind,
        when,
        late,
        repeated,
        ids,
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |((customer, number), kind, at, late, repeated_after, ids, in_standby)| Drawn {
                happening: Happening {
                    customer,
                    number,
                    kind,
                    at: EPOCH_SECONDS + at,
                    received_at: EPOCH_SECONDS + at + late,
                },
                ids,
                in_standby,
                repeated_after,
            },
        )
}

/// What happens next.
enum Step {
    Receive(Vec<u8>),
    Tick,
    Restart,
}

fn steps(namings: &[Naming], drawn: &[Drawn], ticks: &[i64], restart: i64) -> Vec<(i64, Step)> {
    let mut steps: Vec<(i64, Step)> = ticks.iter().map(|at| (*at, Step::Tick)).collect();
    steps.push((restart, Step::Restart));
    for (id, one) in drawn.iter().enumerate() {
        let ids = ids(namings[one.happening.customer], one);
        let at = one.happening.received_at - EPOCH_SECONDS;
        let body = body(&one.happening, id, ids, one.in_standby);
        let again = one.repeated_after.map(|after| at + after);
        steps.extend(again.map(|again| (again, Step::Receive(body.clone()))));
        steps.push((at, Step::Receive(body)));
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_count_is_that_of_the_oracle_at_any_time(
        namings in prop::array::uniform4(naming()),
        drawn in prop::collection::vec(drawn(), 1..60),
        ticks in prop::collection::vec(0..120 * HOUR, 0..12),
        restart in 0..80 * HOUR,
    ) {
        let happened: Vec<Happening> = drawn.iter().map(|one| one.happening).collect();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut player = Player::new();
        let mut steps = steps(&namings, &drawn, &ticks, restart).into_iter().peekable();
        while let Some((at, step)) = steps.next() {
            match step {
                Step::Receive(body) => player.receive(&body, at),
                Step::Tick => player.tick(at),
                Step::Restart => runtime.block_on(player.restart()),
            }
            // The oracle has all events that were received in this second.
            if steps.peek().is_some_and(|(next, _)| *next == at) {
                continue;
            }
            for (business_id, numbers) in PORTFOLIOS {
                // Without any webhook in the last day, nothing is known of the portfolio.
                if let Some(counted) = player.headroom(business_id, at).recipients {
                    let expected = recipients(&happened, numbers, EPOCH_SECONDS + at);
                    prop_assert_eq!(counted, expected as u64, "{} at {}", business_id, at);
                }
            }
        }
    }
}
