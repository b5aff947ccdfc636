//! Journeys as an application reports them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::journey::StepOutcome::{self, Abandoned, Answered, Entered};
use crate::domain::journey::{Journey, JourneyId, Step};

const END: Timestamp = Timestamp::from_seconds(1_000_000);

fn journeys() -> Journeys {
    Journeys(vec![Journey {
        id: booking(),
        steps: vec![Step::open("date"), Step::open("time")],
        goals: Vec::new(),
        variants: vec!["A".into(), "B".into()],
        idle_timeout: Duration::from_secs(600),
        loop_threshold: 3,
    }])
}

fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".into(),
        version: "1".into(),
    }
}

fn step(name: &str, outcome: StepOutcome) -> Progress {
    Progress::Step {
        step: name.into(),
        outcome,
        variant: None,
    }
}

/// The counted milestones, as text.
fn counted(happened: &[(i64, Progress)]) -> Vec<String> {
    let (journeys, mut journey_sessions, mut words) =
        (journeys(), JourneySessions::default(), Vec::new());
    for (at, progress) in happened {
        let noted = Noted {
            at: Timestamp::from_seconds(*at),
            id: booking(),
            progress: progress.clone(),
        };
        journey_sessions.note(noted, &journeys, |_, _, _, _| panic!("there is room"));
    }
    journey_sessions.settle(END, &journeys, |_, _, variant, milestone| {
        words.push(format!("{variant} {milestone:?}"));
    });
    assert!(journey_sessions.sessions.is_empty() && journey_sessions.unsettled.is_empty());
    words
}

#[test]
fn a_session_goes_from_its_first_step_to_its_goal() {
    let words = counted(&[
        (10, Progress::Variant("B".into())),
        (20, step("date", Entered)),
        (50, step("date", Answered)),
        (51, step("time", Entered)),
        (61, step("time", Answered)),
        (62, Progress::Goal),
        (63, Progress::Goal),
    ]);
    let expected = [
        "Started",
        "Entered(\"date\")",
        "Answered(\"date\", Some(30s))",
        "Entered(\"time\")",
        "Answered(\"time\", Some(10s))",
        "Completed",
    ];
    assert_eq!(words, expected.map(|word| format!("B {word}")));
}

#[test]
fn repeated_steps_are_a_loop_and_silence_abandons_a_session() {
    let words = counted(&[
        (10, step("date", Entered)),
        (20, step("date", Entered)),
        (30, step("date", Entered)),
        (40, step("date", Entered)),
        (641, step("date", Answered)),
        (650, step("time", Abandoned)),
    ]);
    let date = |word: &str| format!("none {word}(\"date\")");
    let expected = [
        "none Started".to_owned(),
        date("Entered"),
        date("Entered"),
        date("Reentered"),
        date("Confused").replace("\")", "\", AskedAgain)"),
        date("Entered"),
        date("Reentered"),
        date("Confused").replace("\")", "\", AskedAgain)"),
        date("Looped"),
        date("Entered"),
        date("Reentered"),
        date("Confused").replace("\")", "\", AskedAgain)"),
        date("LeftAt"),
        "none Abandoned".to_owned(),
        "none Started".to_owned(),
        "none Answered(\"date\", None)".to_owned(),
        "none LeftAt(\"time\")".to_owned(),
        "none Abandoned".to_owned(),
    ];
    assert_eq!(words, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of arrival gives the same counts, and every session that started ends once.
    #[test]
    fn order_of_arrival_does_not_matter(
        kinds in prop::collection::vec(0_u8..6, 0..40),
        gaps in prop::collection::vec(1_i64..900, 40),
        rotate in any::<prop::sample::Index>(),
    ) {
        let mut at = 0;
        let mut happened: Vec<(i64, Progress)> = Vec::new();
        for (kind, gap) in kinds.iter().zip(&gaps) {
            at += gap;
            happened.push((at, match kind {
                0 => step("date", Entered),
                1 => step("date", Answered),
                2 => step("time", Entered),
                3 => step("time", Abandoned),
                4 => Progress::Variant("A".into()),
                _ => Progress::Goal,
            }));
        }
        let in_order = counted(&happened);
        let middle = rotate.index(happened.len().max(1)) % happened.len().max(1);
        happened.rotate_left(middle);
        happened.reverse();
        prop_assert_eq!(&counted(&happened), &in_order);
        let how_many = |word: &str| in_order.iter().filter(|one| one.ends_with(word)).count();
        prop_assert_eq!(how_many(" Started"), how_many(" Completed") + how_many(" Abandoned"));
    }
}
