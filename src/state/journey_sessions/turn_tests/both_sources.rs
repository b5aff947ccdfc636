//! Webhooks and an application report the same journey, in any order.

use proptest::prelude::*;

use super::*;

#[test]
fn a_step_that_webhook_and_application_both_report_counts_once() {
    let words = counted(&[
        (9_700, from_application("date", Entered)),
        (10_000, ask("date", 1)),
        (30_000, typed()),
        (30_400, from_application("date", Answered)),
        (31_000, ask("time", 2)),
        (31_200, from_application("time", Entered)),
        (40_900, from_application("time", Answered)),
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
    // A third report counts again, and so does a report after a minute.
    let words = counted(&[
        (10_000, ask("date", 1)),
        (10_500, from_application("date", Entered)),
        (12_000, ask("date", 2)),
        (80_000, from_application("date", Entered)),
    ]);
    let entered = words.iter().filter(|word| *word == "Entered date").count();
    assert_eq!(entered, 3);
}

/// Any report of a conversation.
fn reported() -> impl Strategy<Value = Reported> {
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
        Just(unmarked()),
        (steps, outcomes).prop_map(|(step, outcome)| from_application(step, outcome)),
        Just(Reported::Application(Progress::Goal)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of arrival gives the same counts, every session that started ends once, and no step is answered more
    /// often than it was entered.
    #[test]
    fn order_of_arrival_does_not_matter(
        all in prop::collection::vec((reported(), 0_i64..400), 0..50),
        order in Just((0..50_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut at = 0;
        let happened: Vec<(i64, Reported)> = all
            .into_iter()
            .map(|(report, gap)| {
                at += gap * 1_000;
                // Reports of applications have times of their own, because their order of arrival breaks ties.
                let is_from_application = matches!(report, Reported::Application(_));
                if is_from_application {
                    at += 1_000;
                }
                (if is_from_application { at - 500 } else { at }, report)
            })
            .collect();
        let in_order = counted(&happened);
        let shuffled: Vec<_> = order.iter().filter_map(|place| happened.get(*place).cloned()).collect();
        prop_assert_eq!(&counted(&shuffled), &in_order);
        let count = |word: &str| in_order.iter().filter(|one| one.starts_with(word)).count();
        prop_assert_eq!(count("Started"), count("Completed") + count("Abandoned"));
        let is_from_application = happened.iter().any(|(_, report)| matches!(report, Reported::Application(_)));
        for step in ["date", "time", "other"] {
            let [entered, answered] = ["Entered", "Answered"].map(|word| count(&format!("{word} {step}")));
            prop_assert!(is_from_application || answered <= entered, "{step} {in_order:?}");
        }
    }
}
