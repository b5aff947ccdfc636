//! One customer's users: restarts, merged customers, open sessions and the bound of the buffer.

use super::*;
use crate::domain::experiment::{ExperimentArm, ExperimentSplit, Experiments, Share};

const START: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".to_owned(),
        version: "1".to_owned(),
    }
}

fn trackers() -> Trackers {
    let share = |parts| Share::from_millionths(parts).expect("a share");
    let arm = |variant: &str| ExperimentArm {
        name: variant.to_owned(),
        journey: booking(),
        variant: Some(variant.to_owned()),
    };
    let declared = Experiment {
        name: "wording".to_owned(),
        arms: vec![arm("a"), arm("b")],
        metric: ExperimentMetric::Reply,
        smallest_effect: share(50_000),
        significance: share(50_000),
        power: share(800_000),
        expected_rate: share(500_000),
        split: ExperimentSplit::BeforeAfter,
    };
    Trackers {
        experiments: Experiments(vec![declared]),
        ..Trackers::default()
    }
}

fn begun(at: Timestamp, variant: &str) -> ExperimentProgress {
    let mut progress = ExperimentProgress::default();
    apply(&mut progress, at, variant, &Milestone::Started);
    progress
}

/// The counted users, as text.
fn apply(
    progress: &mut ExperimentProgress,
    at: Timestamp,
    variant: &str,
    milestone: &Milestone,
) -> Vec<String> {
    let mut counted = Vec::new();
    let count = |known: KnownOutcome<'_>| {
        counted.push(format!("{} {}", known.arm, known.counts.successes));
    };
    let session = (&booking(), variant);
    progress.milestone(at, session, milestone, &trackers(), count);
    counted
}

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[test]
fn a_user_survives_a_restart_and_counts_once() {
    let mut progress = begun(START, "a");
    progress.note(later(5), OutcomeEvent::Wrote, &trackers());
    let saved = serde_json::to_string(&progress).expect("plain data");
    let mut progress: ExperimentProgress = serde_json::from_str(&saved).expect("its own text");
    progress.settle(later(6), &trackers(), |_| panic!("the session is open"));
    let ended = apply(&mut progress, later(60), "a", &Milestone::Abandoned);
    assert_eq!(ended, ["a 1"]);
    assert!(apply(&mut progress, later(90), "b", &Milestone::Started).is_empty());
    assert!(apply(&mut progress, later(99), "b", &Milestone::Abandoned).is_empty());
    let seen_at = later(90);
    assert_eq!(progress.remembered_until(), Some(seen_at.plus(REMEMBERED)));
    // A customer who returns after more than 30 days is a new user.
    let back = seen_at.plus(REMEMBERED).plus(Duration::from_secs(1));
    apply(&mut progress, back, "b", &Milestone::Started);
    let ended = apply(&mut progress, back, "b", &Milestone::Abandoned);
    assert_eq!(ended, ["b 0"]);
}

#[test]
fn two_customers_who_are_one_are_one_user() {
    let mut second = begun(later(10), "b");
    second.absorb(begun(START, "a"));
    assert!(apply(&mut second, later(20), "b", &Milestone::Abandoned).is_empty());
    let first = apply(&mut second, later(20), "a", &Milestone::Abandoned);
    assert_eq!(first, ["a 0"]);
    // A user who has counted does not count again, even if the other session began earlier.
    let mut earlier = begun(later(0), "b");
    second.seen_in(later(5));
    earlier.absorb(second);
    assert!(apply(&mut earlier, later(30), "b", &Milestone::Abandoned).is_empty());
}

impl ExperimentProgress {
    /// Moves the beginning of each session.
    fn seen_in(&mut self, at: Timestamp) {
        self.users.iter_mut().for_each(|user| user.started_at = at);
    }
}

#[test]
fn the_buffer_is_bounded() {
    let mut progress = begun(START, "a");
    for second in 1..1_000 {
        progress.note(later(second), OutcomeEvent::Wrote, &trackers());
        assert!(progress.unsettled.len() <= MAX_UNSETTLED);
    }
    assert_eq!(
        apply(&mut progress, later(9_999), "a", &Milestone::Abandoned),
        ["a 1"]
    );
}

/// Both ids of one customer have an open session: the user counts when the last one ends.
#[test]
fn two_open_sessions_of_one_arm_are_one_user_until_the_last_one_ends() {
    let mut progress = begun(START, "a");
    progress.absorb(begun(later(10), "a"));
    assert!(apply(&mut progress, later(60), "a", &Milestone::Abandoned).is_empty());
    progress.note(later(70), OutcomeEvent::Wrote, &trackers());
    progress.settle(later(80), &trackers(), |_| panic!("a session is open"));
    let ended = apply(&mut progress, later(90), "a", &Milestone::Abandoned);
    assert_eq!(ended, ["a 1"]);
}
