//! Any sequence of outcomes keeps the order of lanes and loses no delivery.

use proptest::prelude::*;

use super::*;

/// A possible event in the life of a delivery.
#[derive(Clone, Copy, Debug)]
enum QueueStep {
    Take,
    Succeed,
    Fail,
    Park,
    Retry,
    DropParked,
    Wake,
    Wait,
}

fn any_step() -> impl Strategy<Value = QueueStep> {
    use QueueStep::{DropParked, Fail, Park, Retry, Succeed, Take, Wait, Wake};
    prop_oneof![
        6 => Just(Take),
        4 => Just(Succeed),
        3 => Just(Fail),
        1 => Just(Park),
        1 => Just(Retry),
        1 => Just(DropParked),
        1 => Just(Wake),
        1 => Just(Wait),
    ]
}

fn any_lanes() -> impl Strategy<Value = (LaneKind, Vec<u64>)> {
    let keys = prop::collection::btree_set(0_u64..4, 0..3);
    let kind = prop_oneof![6 => Just(MESSAGES), 1 => Just(ALL), 2 => Just(MANAGEMENT)];
    (kind, keys).prop_map(|(kind, keys)| (kind, keys.into_iter().collect()))
}

/// Whether these must be kept in order.
fn share_a_lane(one: &(LaneKind, Vec<u64>), other: &(LaneKind, Vec<u64>)) -> bool {
    let is_ordered_by_account = |a: LaneKind, b: LaneKind| a == ALL && b != MANAGEMENT;
    one.1.iter().any(|key| other.1.contains(key))
        || is_ordered_by_account(one.0, other.0)
        || is_ordered_by_account(other.0, one.0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails, is parked, retried or dropped: no two deliveries of a lane are in flight together, and none is
    /// sent while an older one of its lane waits. Each is delivered or dropped once, and none is left in the queue.
    #[test]
    fn every_lane_keeps_its_order_and_loses_nothing(
        all in prop::collection::vec(any_lanes(), 1..30),
        steps in prop::collection::vec((any_step(), any::<prop::sample::Index>()), 0..300),
    ) {
        let lists: Vec<(LaneKind, &[u64])> = all.iter().map(|(kind, keys)| (*kind, keys.as_slice())).collect();
        let lanes_of = |delivery: i64| &all[usize::try_from(delivery - 1).expect("from 1")];
        let mut queue = queue(&lists);
        let mut now = Instant::now();
        let (mut in_flight, mut parked) = (BTreeSet::new(), BTreeSet::new());
        let mut waiting: BTreeSet<i64> = (1..).take(all.len()).collect();
        let mut gone = BTreeSet::new();
        let the_end = [QueueStep::Retry, QueueStep::Wake].into_iter().map(|step| (step, None));
        let mut steps = steps.into_iter().map(|(step, which)| (step, Some(which))).chain(the_end);
        while !(waiting.is_empty() && parked.is_empty()) {
            let (step, which) = steps.next().unwrap_or(match in_flight.is_empty() {
                true => (QueueStep::Take, None),
                false => (QueueStep::Succeed, None),
            });
            let sent: Vec<i64> = in_flight.iter().copied().collect();
            let chosen = sent.get(which.map_or(0, |which| which.index(sent.len().max(1)))).copied();
            match (step, chosen) {
                (QueueStep::Take, _) => match queue.take(now, 0, false) {
                    Some(NextDelivery { delivery, .. }) => {
                        for other in &waiting {
                            let precedes = *other < delivery || in_flight.contains(other);
                            let is_ordered = *other != delivery && precedes && share_a_lane(lanes_of(*other), lanes_of(delivery));
                            prop_assert!(!is_ordered, "{delivery} overtakes {other}");
                        }
                        in_flight.insert(delivery);
                    }
                    None if in_flight.is_empty() => match queue.next_due() {
                        Some(due) => now = now.max(due),
                        None => prop_assert!(waiting.is_empty(), "stuck with {waiting:?}"),
                    },
                    None => {}
                },
                (QueueStep::Succeed, Some(delivery)) => {
                    prop_assert!(queue.done(delivery).is_some());
                    in_flight.remove(&delivery);
                    waiting.remove(&delivery);
                    prop_assert!(gone.insert(delivery));
                }
                (QueueStep::Fail, Some(delivery)) => {
                    fail(&mut queue, delivery, now);
                    in_flight.remove(&delivery);
                }
                (QueueStep::Park, Some(delivery)) => {
                    queue.park(delivery);
                    in_flight.remove(&delivery);
                    waiting.remove(&delivery);
                    parked.insert(delivery);
                }
                (QueueStep::Retry, _) => {
                    let retried = queue.retry(&|_| true);
                    prop_assert!(retried.iter().eq(&parked));
                    waiting.append(&mut parked);
                }
                (QueueStep::DropParked, _) => {
                    let dropped = queue.drop_parked(&|_| true);
                    prop_assert!(dropped.iter().eq(&parked));
                    gone.append(&mut parked);
                }
                (QueueStep::Wake, _) => queue.wake(now),
                (QueueStep::Wait, _) => now += LONGEST_WAIT,
                (QueueStep::Succeed | QueueStep::Fail | QueueStep::Park, None) => {}
            }
            prop_assert_eq!((queue.waiting(), queue.parked()), (waiting.len(), parked.len()));
        }
        prop_assert_eq!(gone.len(), all.len());
        prop_assert!(queue.lanes.is_empty() && queue.resting.is_empty());
        prop_assert!(queue.messages.is_empty());
    }
}
