//! Drift after the grace period, and late webhooks, which are no drift.

use std::time::Duration;

use super::*;
use crate::domain::Timestamp;
use crate::state::PollTimes;

type Seen = (Stamp, u8);

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_seconds(at)
}

/// For each observation, the drift whose duration reaches `grace_s` seconds there.
fn drift_of_each(grace_s: u64, seen: &[Seen]) -> Vec<Option<DriftKind>> {
    let grace = Duration::from_secs(grace_s);
    let (mut history, mut polls) = (History::default(), PollTimes::default());
    let observed = seen.iter().map(|(stamp, value)| {
        if !stamp.is_webhook() {
            polls.insert(stamp.at(), true);
        }
        let drift = history.observe(*value, *stamp, &polls).drift;
        drift
            .filter(|drift| drift.reaches(grace))
            .map(|drift| drift.kind)
    });
    observed.collect()
}

fn poll(at: i64, value: u8) -> Seen {
    (Stamp::polled(seconds(at)), value)
}

fn webhook(at: i64, value: u8) -> Seen {
    (Stamp::from_webhook(seconds(at)), value)
}

#[test]
fn a_change_without_a_webhook_is_drift_after_the_grace_period() {
    use DriftKind::{PollAlone, WebhookAlone};
    let alone = [
        poll(0, 1),
        poll(5, 2),
        poll(10, 2),
        poll(15, 2),
        poll(20, 2),
    ];
    let expected = [None, None, None, Some(PollAlone), None];
    assert_eq!(drift_of_each(10, &alone), expected);
    let unfounded = [
        poll(0, 1),
        webhook(4, 2),
        poll(5, 1),
        poll(10, 1),
        poll(20, 1),
    ];
    let expected = [None, None, None, None, Some(WebhookAlone)];
    assert_eq!(drift_of_each(10, &unfounded), expected);
    // Two polls must agree, even if they are further apart than the grace period.
    let seldom = [poll(0, 1), poll(100, 2), poll(200, 2)];
    assert_eq!(drift_of_each(10, &seldom), [None, None, Some(PollAlone)]);
    let passing = [poll(0, 1), poll(100, 2), poll(200, 1), poll(300, 1)];
    let expected = [None, None, None, Some(PollAlone)];
    assert_eq!(drift_of_each(10, &passing), expected);
}

#[test]
fn a_late_webhook_is_not_drift_and_never_reverts_counted_drift() {
    let late = [
        poll(0, 1),
        poll(5, 2),
        poll(10, 2),
        webhook(4, 2),
        poll(15, 2),
        poll(30, 2),
    ];
    assert_eq!(drift_of_each(10, &late), [None; 6]);
    let dated_after_the_poll = [
        poll(0, 1),
        poll(5, 2),
        webhook(6, 2),
        poll(15, 2),
        poll(30, 2),
    ];
    assert_eq!(drift_of_each(10, &dated_after_the_poll), [None; 5]);
    let too_late = [
        poll(0, 1),
        poll(5, 2),
        poll(15, 2),
        webhook(4, 2),
        poll(20, 2),
    ];
    let expected = [None, None, Some(DriftKind::PollAlone), None, None];
    assert_eq!(drift_of_each(10, &too_late), expected);
}
