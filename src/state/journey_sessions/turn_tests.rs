//! Journeys as webhooks report them, alone and beside an application.

mod both_sources;

use std::time::Duration;

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

/// A report of a webhook or of an application.
#[derive(Clone, Debug)]
enum Reported {
    Webhook(Turn),
    Application(Progress),
}

/// The message with this number asks a step.
fn ask(step: &str, message: u128) -> Reported {
    mark(Some(step), message, false)
}

fn mark(step: Option<&str>, message: u128, is_goal: bool) -> Reported {
    let mark = JourneyMark {
        id: booking(),
        step: step.map(Into::into),
        variant: Some("A".into()),
        is_goal,
        message: Some(MessageKey(message)),
    };
    Reported::Webhook(Turn::sent(mark, &journeys()))
}

fn wrote(kind: Kind, to: Option<u128>, reply_id: Option<&str>) -> Reported {
    let context = MessageContext {
        replies_to: to.map(MessageKey),
        choice: reply_id.map(|id| journeys().choice(id)),
        ..MessageContext::default()
    };
    Reported::Webhook(Turn::Wrote { kind, context })
}

fn typed() -> Reported {
    wrote(Kind::Text, None, None)
}

fn pressed(to: u128, reply_id: &str) -> Reported {
    wrote(Kind::Interactive, Some(to), Some(reply_id))
}

fn unmarked() -> Reported {
    Reported::Webhook(Turn::Unmarked)
}

fn from_application(step: &str, outcome: StepOutcome) -> Reported {
    Reported::Application(Progress::Step {
        step: step.into(),
        outcome,
        variant: None,
    })
}

/// The counted milestones, as text. Times are in milliseconds.
fn counted(happened: &[(i64, Reported)]) -> Vec<String> {
    let (journeys, mut sessions, mut words) = (journeys(), JourneySessions::default(), Vec::new());
    let room = |_, _: &JourneyId, _: &str, _| panic!("there is room");
    for (at, report) in happened {
        let at = Timestamp::from_millis(*at);
        match report.clone() {
            Reported::Webhook(turn) => sessions.note_turn(TimedTurn { at, turn }, &journeys, room),
            Reported::Application(progress) => {
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
fn webhooks_alone_show_a_journey() {
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
        // The named step is already answered, and the other one still waits.
        (36_000, unmarked()),
        (37_000, pressed(1, "pm")),
        (38_000, unmarked()),
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
        (15_000, unmarked()),
        (20_000, wrote(Kind::Image, Some(99), None)),
    ]);
    assert_eq!(words[2], "Answered date 10000");
}

#[test]
fn in_one_second_the_customer_comes_first_unless_the_message_is_named() {
    let answered = |reply: Reported| {
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
    let one_goal = |more: &[(i64, Reported)]| {
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
        one_goal(&[(20_500, Reported::Application(Progress::Goal))]),
        (1, 1, 0)
    );
    assert_eq!(
        one_goal(&[(20_500, from_application("time", Answered))]),
        (1, 1, 0)
    );
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
fn confusion_has_its_reasons() {
    let confused = |happened: &[(i64, Reported)]| {
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
        (23_000, unmarked()),
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
    assert_eq!(counted(&[(10_000, typed()), (11_000, unmarked())]), [""; 0]);
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
        let Reported::Webhook(Turn::Sent { place, mut mark }) = ask(step, message) else {
            panic!("a message");
        };
        mark.id.journey = "returns".into();
        Reported::Webhook(Turn::Sent { place, mark })
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
