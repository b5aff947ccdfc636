//! Deliveries keep their order within lanes, and none is lost, whatever fails.

mod properties;

use std::time::Duration;

use super::*;
use crate::deliver::{FIRST_WAIT, LONGEST_WAIT};
use crate::domain::{Lanes, Timestamp};

const ALL: LaneKind = LaneKind::AllMessages;
const MESSAGES: LaneKind = LaneKind::Messages;
const MANAGEMENT: LaneKind = LaneKind::Management;

fn waiting(delivery: i64, kind: LaneKind, keys: &[u64]) -> QueuedDelivery {
    QueuedDelivery {
        delivery,
        received_at: Timestamp::from_seconds(delivery),
        waba_ids: vec![WabaId::parse("1").expect("an id")],
        lanes: Lanes {
            kind,
            keys: keys.to_vec(),
        },
        bytes: 1,
        is_parked: false,
    }
}

fn add(queue: &mut Queue, waiting: QueuedDelivery, listed_at: Instant) {
    let receipt = ReceiptTimes {
        received_at: waiting.received_at,
        listed_at,
        is_earlier: false,
    };
    queue.add(waiting, receipt);
}

fn received_at(receipt: Option<ReceiptTimes>) -> Option<Timestamp> {
    receipt.map(|receipt| receipt.received_at)
}

fn queue(all: &[(LaneKind, &[u64])]) -> Queue {
    let now = Instant::now();
    let mut queue = Queue::default();
    for (delivery, (kind, keys)) in (1..).zip(all) {
        add(&mut queue, waiting(delivery, *kind, keys), now);
    }
    queue
}

fn take_all(queue: &mut Queue, now: Instant) -> Vec<i64> {
    let next = || queue.take(now, 0, false).map(|next| next.delivery);
    std::iter::from_fn(next).collect()
}

fn fail(queue: &mut Queue, delivery: i64, now: Instant) {
    queue.failed(delivery, now, 0, |_| false);
}

#[test]
fn deliveries_wait_only_for_those_of_their_conversation() {
    let now = Instant::now();
    let mut queue = queue(&[
        (MESSAGES, &[1]),
        (MESSAGES, &[1]),
        (MESSAGES, &[2]),
        (MESSAGES, &[1, 2]),
        (MANAGEMENT, &[]),
        (MESSAGES, &[2]),
        (MANAGEMENT, &[7]),
    ]);
    assert_eq!(take_all(&mut queue, now), [1, 3, 5, 7]);
    queue.done(3);
    assert_eq!(take_all(&mut queue, now), [0; 0], "4 waits for lane 1 too");
    queue.done(1);
    assert_eq!(take_all(&mut queue, now), [2]);
    queue.done(2);
    assert_eq!(take_all(&mut queue, now), [4]);
    queue.done(4);
    assert_eq!(take_all(&mut queue, now), [6]);
}

#[test]
fn an_all_messages_delivery_waits_for_earlier_and_blocks_later_ones() {
    let now = Instant::now();
    let mut queue = queue(&[
        (MESSAGES, &[1]),
        (MESSAGES, &[2]),
        (ALL, &[]),
        (MANAGEMENT, &[7]),
        (MESSAGES, &[3]),
        (MESSAGES, &[4]),
        (ALL, &[]),
        (MESSAGES, &[5]),
    ]);
    assert_eq!(
        take_all(&mut queue, now),
        [1, 2, 4],
        "4 is a management event"
    );
    queue.done(2);
    assert_eq!(take_all(&mut queue, now), [0; 0]);
    queue.done(1);
    assert_eq!(take_all(&mut queue, now), [3]);
    queue.done(3);
    assert_eq!(take_all(&mut queue, now), [5, 6]);
    queue.park(5);
    queue.done(6);
    assert_eq!(take_all(&mut queue, now), [7]);
    queue.done(7);
    assert_eq!(take_all(&mut queue, now), [8]);
}

#[test]
fn retries_back_off_until_the_upstream_recovers() {
    let mut now = Instant::now();
    let mut queue = queue(&[(MESSAGES, &[1]), (MESSAGES, &[1])]);
    let mut waits = Vec::new();
    for _ in 0..9 {
        assert_eq!(take_all(&mut queue, now), [1]);
        fail(&mut queue, 1, now);
        assert_eq!(take_all(&mut queue, now), [0; 0]);
        let due = queue.next_due().expect("it rests");
        waits.push((due - now).as_millis());
        now = due;
    }
    assert_eq!(
        waits,
        [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    );
    assert_eq!(take_all(&mut queue, now), [1]);
    fail(&mut queue, 1, now);
    queue.wake(now);
    assert_eq!(take_all(&mut queue, now), [1]);
    fail(&mut queue, 1, now);
    assert_eq!(queue.next_due(), Some(now + FIRST_WAIT));
    queue.rest_until(1, now + LONGEST_WAIT);
    assert_eq!(queue.next_due(), Some(now + LONGEST_WAIT));
    queue.rest_until(1, now);
    now += LONGEST_WAIT;
    assert_eq!(take_all(&mut queue, now), [1]);
    queue.done(1);
    assert_eq!(
        (take_all(&mut queue, now), queue.next_due()),
        (vec![2], None)
    );
}

#[test]
fn whether_a_failure_counts_depends_on_the_success_of_others() {
    let now = Instant::now();
    let mut queue = queue(&[(MESSAGES, &[1])]);
    let mut fail_at = |successes: u64| {
        let later = now + LONGEST_WAIT * 100;
        let next = queue.take(later, 5, false).expect("it is due");
        let count = queue.failed(next.delivery, now, successes, |others_succeed| {
            others_succeed
        });
        count.map(|count| (count.others_succeed, count.refusals, count.failures))
    };
    assert_eq!(fail_at(5), Some((false, 0, 1)));
    assert_eq!(fail_at(5), Some((false, 0, 2)));
    assert_eq!(fail_at(6), Some((true, 1, 3)));
    assert_eq!(fail_at(6), Some((false, 1, 4)));
    assert_eq!(fail_at(7), Some((true, 2, 5)));
}

#[test]
fn probes_are_deliveries_that_were_never_tried() {
    let now = Instant::now();
    let mut queue = queue(&[
        (MESSAGES, &[1]),
        (MESSAGES, &[2]),
        (MESSAGES, &[3]),
        (MESSAGES, &[3]),
    ]);
    for delivery in [1, 2] {
        assert!(queue.take(now, 0, false).is_some());
        fail(&mut queue, delivery, now);
    }
    let later = now + LONGEST_WAIT;
    let mut take = |is_down| queue.take(later, 0, is_down).map(|next| next.delivery);
    assert_eq!(take(true), Some(3));
    assert_eq!(take(false), Some(1));
    assert_eq!(take(true), Some(2), "there is no other");
    queue.done(3);
    fail(&mut queue, 1, later - LONGEST_WAIT);
    let next = queue.take(later, 0, false);
    assert_eq!(next.map(|next| next.delivery), Some(1), "the oldest first");
}

#[test]
fn refused_deliveries_are_not_woken_and_outages_are_forgiven() {
    let now = Instant::now();
    let mut queue = queue(&[(MESSAGES, &[1]), (MESSAGES, &[2])]);
    let refuse = |queue: &mut Queue, delivery: i64, now: Instant, successes: u64| {
        let count = queue.failed(delivery, now, successes, |_| true);
        count.expect("it waits").refusals
    };
    assert_eq!(take_all(&mut queue, now), [1, 2]);
    assert_eq!(refuse(&mut queue, 1, now, 1), 1, "others succeed");
    assert_eq!(refuse(&mut queue, 2, now, 0), 1);
    let later = now + FIRST_WAIT;
    assert_eq!(take_all(&mut queue, later), [1, 2]);
    assert_eq!(refuse(&mut queue, 1, later, 1), 2, "since then none did");
    assert_eq!(refuse(&mut queue, 2, later, 1), 2);
    queue.forgive(1);
    queue.wake(later);
    assert_eq!(take_all(&mut queue, later), [0; 0], "both were refused");

    queue.wake(later + LONGEST_WAIT);
    let due = later + LONGEST_WAIT;
    assert_eq!(take_all(&mut queue, due), [1, 2]);
    assert_eq!(refuse(&mut queue, 1, due, 1), 2);
    queue.forgive(1);
    let again = due + LONGEST_WAIT;
    assert_eq!(take_all(&mut queue, again), [1]);
    assert_eq!(refuse(&mut queue, 1, again, 2), 2, "forgiven once");
}

#[test]
fn unparked_deliveries_return_to_their_place() {
    let now = Instant::now();
    let mut queue = queue(&[(MESSAGES, &[1]), (MESSAGES, &[1]), (MESSAGES, &[1])]);
    assert_eq!(take_all(&mut queue, now), [1]);
    queue.park(1);
    assert_eq!((queue.waiting(), queue.parked()), (2, 1));
    assert_eq!(take_all(&mut queue, now), [2]);
    assert_eq!(
        received_at(queue.oldest_message()),
        Some(Timestamp::from_seconds(2))
    );
    assert_eq!(queue.retry(&|_| false), [0; 0]);
    assert_eq!(queue.retry(&|_| true), [1]);
    assert_eq!(take_all(&mut queue, now), [0; 0], "2 is in flight");
    fail(&mut queue, 2, now);
    assert_eq!(take_all(&mut queue, now), [1]);
    let later = now + LONGEST_WAIT;
    assert_eq!(take_all(&mut queue, later), [0; 0], "2 waits for 1 now");
    queue.done(1);
    assert_eq!(take_all(&mut queue, later), [2]);
    queue.park(2);
    assert_eq!(queue.drop_parked(&|_| true), [2]);
    assert_eq!(take_all(&mut queue, later), [3]);
}

#[test]
fn expired_and_dropped_deliveries_unblock_later_ones() {
    let now = Instant::now();
    let mut queue = Queue::default();
    for delivery in 1..=4_u32 {
        let listed_at = now + Duration::from_secs(u64::from(delivery));
        add(
            &mut queue,
            waiting(delivery.into(), MESSAGES, &[1]),
            listed_at,
        );
    }
    assert_eq!(take_all(&mut queue, now), [1]);
    let expire = |queue: &mut Queue, seconds: u64| {
        let listed_until = now + Duration::from_secs(seconds);
        queue.expire(|receipt| receipt.listed_at <= listed_until)
    };
    assert_eq!(expire(&mut queue, 2), [2], "1 is in flight");
    assert_eq!(
        received_at(queue.oldest()),
        Some(Timestamp::from_seconds(1))
    );
    assert_eq!((queue.drop_before(4), queue.waiting()), (2, 1));
    assert_eq!(take_all(&mut queue, now), [4]);
    fail(&mut queue, 1, now);
    assert_eq!((queue.done(1), queue.next_due()), (None, None));
    queue.park(4);
    assert_eq!(expire(&mut queue, 2), [0; 0]);
    assert_eq!(expire(&mut queue, 4), [4]);
}
