//! Journeys as webhooks report them, alone and beside an application.

use std::time::Duration;

use proptest::prelude::*;

use super::super::turn::Turn;
use super::*;
use crate::domain::MessageKey;
use crate::domain::journey::StepOutcome::{self, Answered, Entered};
use crate::domain::journey::{Journey, JourneyId, ReplyPattern, Step};
use crate::domain::mark::{JourneyMark, MessageContext};
use crate::domain::message::Kind;

const END: Timestamp = Timestamp::from_seconds(1_000_000);

/// `date` takes any message, `time` declares its answers.
fn journeys() -> Journeys {
    let time = Step {
        name: "time".into(),
        answers: vec![pattern("am_*"), pattern("pm")],
    };
    Journeys(vec![Journey {
        id: booking(),
        steps: vec![Step::open("date"), time],
        goals: vec![pattern("confirm")],
        variants: vec!["A".into(), "B".into()],
        idle_timeout: Duration::from_secs(600),
        loop_threshold: 3,
    }])
}

fn pattern(text: &str) -> ReplyPattern {
    ReplyPattern::new(text).expect("a pattern")
}

fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".into(),
        version: "1".into(),
    }
}

/// What is reported, by whom.
#[derive(Clone, Debug)]
enum Heard {
    Webhook(Turn),
    Application(Progress),
}

/// The message with this number asks a step.
fn ask(step: &str, message: u128) -> Heard {
    mark(Some(step), message, false)
}

fn mark(step: Option<&str>, message: u128, is_goal: bool) -> Heard {
    let mark = JourneyMark {
        id: booking(),
        step: step.map(Into::into),
        variant: Some("A".into()),
        is_goal,
        message: Some(MessageKey(message)),
    };
    Heard::Webhook(Turn::sent(mark, &journeys()))
}

fn wrote(kind: Kind, to: Option<u128>, reply_id: Option<&str>) -> Heard {
    let context = MessageContext {
        replies_to: to.map(MessageKey),
        choice: reply_id.map(|id| journeys().choice(id)),
        ..MessageContext::default()
    };
    Heard::Webhook(Turn::Wrote { kind, context })
}

fn typed() -> Heard {
    wrote(Kind::Text, None, None)
}

fn pressed(to: u128, reply_id: &str) -> Heard {
    wrote(Kind::Interactive, Some(to), Some(reply_id))
}

fn spoke() -> Heard {
    Heard::Webhook(Turn::Spoke)
}

fn told(step: &str, outcome: StepOutcome) -> Heard {
    Heard::Application(Progress::Step {
        step: step.into(),
        outcome,
        variant: None,
    })
}

/// The counted milestones, as text. Times are in milliseconds.
fn counted(happened: &[(i64, Heard)]) -> Vec<String> {
    let (journeys, mut sessions, mut words) = (journeys(), JourneySessions::default(), Vec::new());
    let room = |_, _: &JourneyId, _: &str, _| panic!("there is room");
    for (at, heard) in happened {
        let at = Timestamp::from_millis(*at);
        match heard.clone() {
            Heard::Webhook(turn) => sessions.note_turn(TimedTurn { at, turn }, &journeys, room),
            Heard::Application(progress) => {
                let id = booking();
                sessions.note(Noted { at, id, progress }, &journeys, room);
            }
        }
    }
    let stored = serde_json::to_string(&sessions).expect("plain data");
    let mut sessions: JourneySessions = serde_json::from_str(&stored).expect("its own text");
    sessions.settle(END, &journeys, |_, _, _, milestone| {
        words.push(match milestone {
            Milestone::Answered(step, took) => {
                format!(
                    "Answered {step} {}",
                    took.map_or(-1, |took| took.as_millis() as i64)
                )
            }
            Milestone::Chosen(step, answer) => format!("Chosen {step} {answer}"),
            Milestone::Confused(step, reason) => format!("Confused {step} {reason:?}"),
            Milestone::Entered(step) => format!("Entered {step}"),
            Milestone::Reentered(step) => format!("Reentered {step}"),
            Milestone::Looped(step) => format!("Looped {step}"),
            Milestone::LeftAt(step) => format!("LeftAt {step}"),
            Milestone::Started | Milestone::Completed | Milestone::Abandoned => {
                format!("{milestone:?}")
            }
        });
    });
    assert_eq!(
        sessions,
        JourneySessions {
            last_at: sessions.last_at,
            ..JourneySessions::default()
        }
    );
    words
}

#[test]
fn webhooks_alone_tell_a_journey() {
    let words = counted(&[
        (10_000, ask("date", 1)),
        (30_000, typed()),
        (31_000, ask("time", 2)),
        (41_000, pressed(2, "am_9")),
        (42_000, mark(Some("done"), 3, true)),
        (50_000, typed()),
    ]);
    assert_eq!(
        words,
        [
            "Started",
            "Entered date",
            "Answered date 20000",
            "Entered time",
            "Chosen time am_*",
            "Answered time 10000",
            "Entered done",
            "Completed",
        ]
    );
}

#[test]
fn a_reply_answers_the_step_of_the_message_that_it_names() {
    let words = counted(&[
        (10_000, ask("time", 1)),
        (20_000, ask("date", 2)),
        (35_000, pressed(1, "pm")),
        // It is answered, and nobody has answered the other one.
        (36_000, spoke()),
        (37_000, pressed(1, "pm")),
        (38_000, spoke()),
        (40_000, typed()),
    ]);
    assert_eq!(
        words,
        [
            "Started",
            "Entered time",
            "Entered date",
            "Chosen time pm",
            "Answered time 25000",
            "Answered date 20000",
            "LeftAt date",
            "Abandoned",
        ]
    );
}

#[test]
fn a_message_that_names_an_unmarked_one_answers_the_open_step() {
    let words = counted(&[
        (10_000, ask("date", 1)),
        (15_000, spoke()),
        (20_000, wrote(Kind::Image, Some(99), None)),
    ]);
    assert_eq!(words[2], "Answered date 10000");
}

#[test]
fn in_one_second_the_customer_comes_first_unless_the_message_is_named() {
    let answered = |reply: Heard| {
        let words = counted(&[
            (20_000, reply),
            (10_000, ask("date", 1)),
            (20_000, ask("time", 2)),
        ]);
        let answers = words
            .into_iter()
            .filter(|word| word.starts_with("Answered"));
        answers.collect::<Vec<_>>()
    };
    assert_eq!(answered(typed()), ["Answered date 10000"]);
    assert_eq!(answered(pressed(2, "pm")), ["Answered time 0"]);
    assert_eq!(answered(pressed(1, "pm")), ["Answered date 10000"]);
}

#[test]
fn a_declared_reply_and_a_message_about_the_goal_complete_a_session_once() {
    let one_goal = |more: &[(i64, Heard)]| {
        let mut all = vec![(10_000, ask("time", 1)), (20_000, pressed(1, "confirm"))];
        all.extend(more.iter().cloned());
        let words = counted(&all);
        let count = |word: &str| words.iter().filter(|one| *one == word).count();
        (count("Started"), count("Completed"), count("Abandoned"))
    };
    assert_eq!(one_goal(&[]), (1, 1, 0));
    assert_eq!(one_goal(&[(21_000, mark(None, 2, true))]), (1, 1, 0));
    assert_eq!(
        one_goal(&[(21_000, mark(Some("done"), 2, true))]),
        (1, 1, 0)
    );
    assert_eq!(
        one_goal(&[(20_500, Heard::Application(Progress::Goal))]),
        (1, 1, 0)
    );
    assert_eq!(one_goal(&[(20_500, told("time", Answered))]), (1, 1, 0));
    // The next booking.
    assert_eq!(one_goal(&[(30_000, ask("date", 2))]), (2, 1, 1));
    let late = (700_000, mark(Some("done"), 2, true));
    assert_eq!(one_goal(&[late]), (2, 2, 0), "after the idle timeout");
}

#[test]
fn a_goal_of_another_open_journey_is_found() {
    let words = counted(&[
        (10_000, ask("date", 1)),
        (11_000, wrote(Kind::Button, None, Some("confirm"))),
        (12_000, wrote(Kind::Button, None, Some("confirm"))),
    ]);
    assert_eq!(
        words,
        ["Started", "Entered date", "Answered date 1000", "Completed"]
    );
}

#[test]
fn what_webhook_and_application_both_tell_counts_once() {
    let words = counted(&[
        (9_700, told("date", Entered)),
        (10_000, ask("date", 1)),
        (30_000, typed()),
        (30_400, told("date", Answered)),
        (31_000, ask("time", 2)),
        (31_200, told("time", Entered)),
        (40_900, told("time", Answered)),
        (41_000, pressed(2, "pm")),
    ]);
    let once = [
        "Started",
        "Entered date",
        "Answered date 20300",
        "Entered time",
        "Answered time 9900",
        "LeftAt time",
        "Abandoned",
    ];
    assert_eq!(words, once);
    // A third time is new, and so is the same after a minute.
    let words = counted(&[
        (10_000, ask("date", 1)),
        (10_500, told("date", Entered)),
        (12_000, ask("date", 2)),
        (80_000, told("date", Entered)),
    ]);
    let entered = words.iter().filter(|word| *word == "Entered date").count();
    assert_eq!(entered, 3);
}

#[test]
fn confusion_has_its_reasons() {
    let confused = |happened: &[(i64, Heard)]| {
        let mut words = counted(happened);
        words.retain(|word| word.starts_with("Confused") || word.starts_with("Answered"));
        words
    };
    let free_text = [(10_000, ask("time", 1)), (20_000, typed())];
    assert_eq!(
        confused(&free_text),
        ["Confused time FreeText", "Answered time 10000"]
    );
    let picture = |step| {
        [
            (10_000, ask(step, 1)),
            (20_000, wrote(Kind::Image, None, None)),
        ]
    };
    assert_eq!(confused(&picture("time")), ["Confused time Unsupported"]);
    assert_eq!(confused(&picture("date")), ["Answered date 10000"]);
    let unreadable = |step| {
        [
            (10_000, ask(step, 1)),
            (20_000, wrote(Kind::Unsupported, None, None)),
        ]
    };
    assert_eq!(confused(&unreadable("date")), ["Confused date Unsupported"]);
    let other = [(10_000, ask("time", 1)), (20_000, pressed(1, "never"))];
    assert_eq!(confused(&other), ["Answered time 10000"]);
    let impatient = [
        (10_000, ask("date", 1)),
        (20_000, typed()),
        (21_000, typed()),
        (22_000, typed()),
        (23_000, spoke()),
        (24_000, typed()),
        (25_000, ask("date", 2)),
        (26_000, typed()),
    ];
    assert_eq!(
        confused(&impatient),
        [
            "Answered date 10000",
            "Confused date Repeated",
            "Confused date AskedAgain",
            "Answered date 1000",
        ]
    );
}

#[test]
fn a_message_without_an_open_session_counts_nothing() {
    assert_eq!(counted(&[(10_000, typed()), (11_000, spoke())]), [""; 0]);
    assert_eq!(counted(&[(10_000, mark(None, 1, true))]), [""; 0]);
    let late = counted(&[(10_000, ask("date", 1)), (611_000, typed())]);
    assert_eq!(
        late,
        ["Started", "Entered date", "LeftAt date", "Abandoned"]
    );
}

#[test]
fn of_several_open_journeys_the_one_that_asked_last_is_answered() {
    let elsewhere = |step: &str, message| {
        let Heard::Webhook(Turn::Sent { place, mut mark }) = ask(step, message) else {
            panic!("a message");
        };
        mark.id.journey = "returns".into();
        Heard::Webhook(Turn::Sent { place, mark })
    };
    let words = counted(&[
        (10_000, ask("date", 1)),
        (11_000, elsewhere("reason", 2)),
        (12_000, typed()),
        (13_000, typed()),
    ]);
    let answers: Vec<_> = words
        .iter()
        .filter(|word| word.starts_with("Answered"))
        .collect();
    assert_eq!(answers, ["Answered reason 1000", "Answered date 3000"]);
}

/// Some message of a drawn conversation.
fn heard() -> impl Strategy<Value = Heard> {
    let message = 0_u128..6;
    let to = prop::option::of(0_u128..6);
    let kinds = prop::sample::select(vec![
        Kind::Text,
        Kind::Image,
        Kind::Interactive,
        Kind::Unsupported,
    ]);
    let ids = prop::option::of(prop::sample::select(vec!["am_1", "pm", "confirm", "never"]));
    let steps = prop::sample::select(vec!["date", "time", "other"]);
    let outcomes = prop::sample::select(vec![Entered, Answered]);
    prop_oneof![
        (prop::option::of(steps.clone()), message, any::<bool>())
            .prop_map(|(step, message, is_goal)| mark(step, message, is_goal)),
        (kinds, to, ids).prop_map(|(kind, to, id)| wrote(kind, to, id)),
        Just(spoke()),
        (steps, outcomes).prop_map(|(step, outcome)| told(step, outcome)),
        Just(Heard::Application(Progress::Goal)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of arrival gives the same counts, every session that started ends once, and no step is answered more
    /// often than it was entered.
    #[test]
    fn order_of_arrival_does_not_matter(
        all in prop::collection::vec((heard(), 0_i64..400), 0..50),
        order in Just((0..50_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut at = 0;
        let happened: Vec<(i64, Heard)> = all
            .into_iter()
            .map(|(heard, gap)| {
                at += gap * 1_000;
                // What applications tell has a time of its own, as their order breaks ties.
                let is_told = matches!(heard, Heard::Application(_));
                if is_told {
                    at += 1_000;
                }
                (if is_told { at - 500 } else { at }, heard)
            })
            .collect();
        let in_order = counted(&happened);
        let shuffled: Vec<_> = order.iter().filter_map(|place| happened.get(*place).cloned()).collect();
        prop_assert_eq!(&counted(&shuffled), &in_order);
        let count = |word: &str| in_order.iter().filter(|one| one.starts_with(word)).count();
        prop_assert_eq!(count("Started"), count("Completed") + count("Abandoned"));
        let is_told = happened.iter().any(|(_, heard)| matches!(heard, Heard::Application(_)));
        for step in ["date", "time", "other"] {
            let [entered, answered] = ["Entered", "Answered"].map(|word| count(&format!("{word} {step}")));
            prop_assert!(is_told || answered <= entered, "{step} {in_order:?}");
        }
    }
}
