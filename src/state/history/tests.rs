//! Values, changes and steps, for observations in any order of arrival.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::Timestamp;
use crate::state::PollTimes;

type Seen = (Stamp, u8);

fn history_of(seen: &[Seen]) -> History<u8> {
    let mut history = History::default();
    for (stamp, value) in seen {
        history.observe(*value, *stamp, &PollTimes::default());
    }
    history
}

#[test]
fn a_value_of_the_first_poll_has_no_change_time() {
    let at = Timestamp::from_seconds;
    let (polled, webhook) = (|s| Stamp::polled(at(s)), |s| Stamp::from_webhook(at(s)));
    for (seen, changed) in [
        (vec![(polled(1), 7)], None),
        (vec![(polled(1), 7), (polled(5), 7)], None),
        (vec![(webhook(1), 7)], Some(webhook(1))),
        (vec![(polled(1), 7), (webhook(5), 7)], Some(webhook(5))),
        (
            vec![(polled(1), 6), (polled(5), 7), (polled(9), 7)],
            Some(polled(5)),
        ),
        (
            vec![(polled(1), 7), (webhook(3), 6), (polled(5), 7)],
            Some(polled(5)),
        ),
    ] {
        assert_eq!(history_of(&seen).changed(), changed, "{seen:?}");
    }
    assert_eq!(History::<u8>::default().changed(), None);
    let many: Vec<Seen> = (0..40).map(|second| (webhook(second), 7)).collect();
    assert!(history_of(&many).changed().is_some());
}

#[test]
fn a_first_value_is_a_change_if_a_webhook_reported_it() {
    let (polled, webhook) = (
        |s| Stamp::polled(seconds(s)),
        |s| Stamp::from_webhook(seconds(s)),
    );
    for (seen, changes) in [
        (vec![], vec![]),
        (vec![(polled(1), 7)], vec![]),
        (vec![(polled(1), 7), (webhook(5), 7)], vec![]),
        (
            vec![(webhook(1), 7), (polled(5), 7)],
            vec![(None, 7, webhook(1))],
        ),
        (
            vec![(polled(1), 7), (webhook(5), 6)],
            vec![(Some(7), 6, webhook(5))],
        ),
        (
            vec![
                (webhook(1), 7),
                (polled(5), 6),
                (polled(6), 6),
                (webhook(9), 7),
            ],
            vec![
                (None, 7, webhook(1)),
                (Some(7), 6, polled(5)),
                (Some(6), 7, webhook(9)),
            ],
        ),
    ] {
        let history = history_of(&seen);
        let found = history.changes().map(|step| (step.from, step.to, step.at));
        assert_eq!(found.collect::<Vec<_>>(), changes, "{seen:?}");
    }
}

#[test]
fn the_earlier_value_is_the_latest_matching_other_value() {
    let polled = |second| Stamp::polled(Timestamp::from_seconds(second));
    let history = history_of(&[
        (polled(1), 3),
        (polled(2), 5),
        (polled(3), 7),
        (polled(4), 7),
    ]);
    assert_eq!(history.earlier(|_| true), Some(5));
    assert_eq!(history.earlier(|value| value != 5), Some(3));
    assert_eq!(history_of(&[(polled(1), 7)]).earlier(|_| true), None);
}

/// Polls at whole seconds, one value each, and webhooks anywhere among them. There are few enough to keep
/// all.
fn observations() -> impl Strategy<Value = Vec<Seen>> {
    let polls = prop::collection::btree_map(0..20_i64, 0..3_u8, 0..9);
    let webhook = prop::collection::btree_set((0..20_i64, 0..3_u8), 0..6);
    (polls, webhook).prop_map(|(polls, webhook)| {
        let polls = polls
            .into_iter()
            .map(|(at, value)| (Stamp::polled(seconds(at)), value));
        let webhook = webhook
            .into_iter()
            .map(|(at, value)| (Stamp::from_webhook(seconds(at)), value));
        polls.chain(webhook).collect()
    })
}

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_seconds(at)
}

/// Observes in this order, and counts the steps up and down as they become known.
fn observe_all(seen: &[Seen]) -> (History<u8>, u64, u64) {
    let (mut history, mut polls) = (History::default(), PollTimes::default());
    let (mut up, mut down) = (0, 0);
    for (stamp, value) in seen {
        if !stamp.is_webhook() {
            polls.insert(stamp.at(), true);
        }
        let observed = history.observe(*value, *stamp, &polls);
        up += observed.more(|from, to| from.is_some_and(|from| from < to));
        down += observed.more(|from, to| from.is_some_and(|from| from > to));
    }
    (history, up, down)
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_matches_a_complete_list(
        (seen, shuffled) in observations().prop_flat_map(|seen| {
            let twice: Vec<Seen> = seen.iter().chain(&seen).copied().collect();
            (Just(seen), Just(twice).prop_shuffle())
        })
    ) {
        let all: Vec<Seen> = seen.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let value = all.last().map(|(_, value)| *value);
        let streak = all.iter().rev().take_while(|(_, seen)| Some(*seen) == value);
        let since = streak.last().map(|(stamp, _)| *stamp);
        let steps = all.windows(2).map(|pair| (pair[0].1, pair[1].1));
        let up = steps.clone().filter(|(from, to)| from < to).count() as u64;
        let down = steps.filter(|(from, to)| from > to).count() as u64;

        let (history, seen_up, seen_down) = observe_all(&shuffled);
        prop_assert_eq!(history.value(), value);
        prop_assert_eq!(history.since(), since);
        prop_assert_eq!((seen_up, seen_down), (up, down));

        let changes: Vec<_> = all.windows(2).filter(|pair| pair[0].1 != pair[1].1).collect();
        let changes = changes.iter().map(|pair| (Some(pair[0].1), pair[1].1, pair[1].0));
        let known = history.changes().filter(|step| step.from.is_some());
        let known = known.map(|step| (step.from, step.to, step.at));
        prop_assert_eq!(known.collect::<Vec<_>>(), changes.collect::<Vec<_>>());
    }
}

#[test]
fn a_constant_attribute_keeps_two_observations() {
    let seen: Vec<Seen> = (0..1_000)
        .map(|at| (Stamp::polled(seconds(at)), 1))
        .collect();
    let (history, ..) = observe_all(&seen);
    assert_eq!(history.seen.len(), 2);
    assert_eq!(history.since(), Some(Stamp::polled(seconds(0))));
}
