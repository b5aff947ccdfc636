//! Declared experiments: each customer counts once, in the first variant, when the outcome is known, in any order of
//! arrival and across restarts; and the figures and verdicts that follow.

mod declared;
mod restart;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use declared::{experiment, journey, one_of_each};
use fastrand::Rng;
use proptest::prelude::*;
use walk::{Arrival, Walk, body};
use whatsapp_business_exporter::domain::experiment::{
    Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Experiments,
};
use whatsapp_business_exporter::domain::journey::Journeys;
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{Event, Fact, Source, Timestamp, WabaId};
use whatsapp_business_exporter::expose::{self, Options, Selection, TextFormat};
use whatsapp_business_exporter::ingest::webhook::{Delivery, Hashers};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::{ExperimentCounts, State};

use crate::exporter::meta::WABA;
use crate::support::{ALL_TEMPLATES, EPOCH_SECONDS, NO_APPS, samples};

const IDLE: i64 = 1_800;

const VARIANTS: [&str; 3] = ["short", "long", "other words"];

/// The state after these changes and a long time.
fn state_after(experiments: &[Experiment], arrivals: &[Arrival]) -> State {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let trackers = Arc::new(Trackers {
        journeys: Journeys(vec![journey("1"), journey("2")]),
        experiments: Experiments(experiments.to_vec()),
        ..Trackers::default()
    });
    let mut state = State::default();
    let waba_id = WabaId::parse(WABA).expect("digits");
    state.watch([waba_id.clone()]);
    state.track(Arc::clone(&trackers));
    let hashers = Hashers {
        conversations: Some(&customers),
        declared: Some(&trackers),
        lanes: None,
    };
    for (at, change) in arrivals {
        let received_at = Timestamp::from_seconds(*at);
        let delivery = Delivery::parse_with(&body(change), received_at, hashers).expect("JSON");
        for event in &delivery.events {
            state.apply(event);
        }
    }
    state.apply(&Event {
        waba_id,
        observed_at: Timestamp::from_seconds(EPOCH_SECONDS + 20 * 86_400),
        source: Source::Poll,
        fact: Fact::TimePassed,
    });
    state
}

/// The metrics of experiments.
fn text(experiments: &[Experiment], state: &State) -> String {
    let options = Options {
        experiments: Experiments(experiments.to_vec()),
        ..ALL_TEMPLATES.clone()
    };
    let now = Timestamp::from_seconds(EPOCH_SECONDS + 20 * 86_400);
    let selection = Selection::default();
    let page = expose::render(
        state.accounts(),
        &NO_APPS,
        &[],
        now,
        &options,
        selection,
        TextFormat::Text,
    );
    page.text
}

fn counts(state: &State) -> ExperimentCounts {
    let account = &state.accounts()[&WabaId::parse(WABA).expect("digits")];
    let mut traffic = account.traffic();
    let counts = traffic.next().map(|traffic| traffic.experiments.clone());
    counts.unwrap_or_default()
}

/// Three customers: one completes, one is confused, waits and opts out, and one gets nothing.
fn three_customers() -> Vec<Arrival> {
    let mut completes = Walk::new(1, EPOCH_SECONDS);
    completes.asked(0, 1, "sent", "1", "short");
    completes.asked(5, 1, "read", "1", "short");
    completes.write(10, Some("yes"));
    // Another session, in the other variant, without any success.
    completes.asked(50_000, 2, "sent", "1", "long");
    let mut waits = Walk::new(2, EPOCH_SECONDS);
    waits.asked(0, 1, "sent", "1", "long");
    waits.write(20, None);
    waits.status(50, 2, "sent", "");
    waits.stop(60);
    let mut fails = Walk::new(3, EPOCH_SECONDS);
    fails.asked(0, 1, "sent", "1", "long");
    fails.asked(3, 1, "failed", "1", "long");
    // After the end of the session.
    fails.write(IDLE + 1, None);
    fails.stop(IDLE + 2);
    let mut arrivals = [completes.changes, waits.changes, fails.changes].concat();
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

#[test]
fn a_customer_counts_once_with_the_result_of_the_first_session() {
    let declared = one_of_each();
    let text = text(&declared, &state_after(&declared, &three_customers()));
    let rates = [
        ("completion", "1", "0"),
        ("step_answered", "1", "0.5"),
        ("confusion", "0", "0.5"),
        ("read", "1", "0"),
        ("reply", "1", "0.5"),
        ("opt_out", "0", "0.5"),
        ("first_response", "0", "0.5"),
    ];
    for (metric, short, long) in rates {
        for (variant, users, rate) in [("short", "1", short), ("long", "2", long)] {
            for (family, value) in [("users", users), ("rate", rate)] {
                let line = format!(
                    "whatsapp_experiment_{family}{{experiment=\"{metric}\",variant=\"{variant}\"}} {value}\n"
                );
                assert!(text.contains(&line), "{line}\n{text}");
            }
        }
        let undecided = format!(
            "whatsapp_experiment_verdict{{experiment=\"{metric}\",verdict=\"not_enough\"}} 1\n"
        );
        assert!(text.contains(&undecided), "{text}");
    }
    let difference =
        r#"whatsapp_experiment_difference{experiment="completion",bound="estimate"} -1"#;
    assert!(text.contains(difference), "{text}");
}

#[test]
fn opt_outs_failures_and_waits_of_a_variant_are_counted() {
    let declared = one_of_each();
    let counts = counts(&state_after(&declared, &three_customers()));
    for experiment in &declared {
        let arms = counts.get(&experiment.name).expect("it has users");
        let long = arms["long"];
        assert_eq!((long.opted_out, long.failed, long.responses), (1, 1, 1));
        assert_eq!(long.mean_wait(), Some(Duration::from_secs(30)));
        let short = arms["short"];
        assert_eq!((short.opted_out, short.failed), (0, 0));
        assert_eq!(short.mean_wait(), None);
    }
}

#[test]
fn a_user_counts_only_when_the_outcome_is_known() {
    let declared = one_of_each();
    let customer = |last: i64| {
        let mut walk = Walk::new(1, EPOCH_SECONDS);
        walk.asked(0, 1, "sent", "1", "short");
        let mut other = Walk::new(2, EPOCH_SECONDS + last);
        other.write(0, None);
        [walk.changes, other.changes].concat()
    };
    let counted = |last: i64| {
        let trackers = Arc::new(Trackers {
            journeys: Journeys(vec![journey("1")]),
            experiments: Experiments(declared.clone()),
            ..Trackers::default()
        });
        let mut state = State::default();
        state.watch([WabaId::parse(WABA).expect("digits")]);
        state.track(Arc::clone(&trackers));
        let key = CustomerKey::from_app_secret(&"0123456789abcdef".into());
        let customers = CustomerHasher::new(&key);
        let hashers = Hashers {
            conversations: Some(&customers),
            declared: Some(&trackers),
            lanes: None,
        };
        for (at, change) in customer(last) {
            let at = Timestamp::from_seconds(at);
            let delivery = Delivery::parse_with(&body(&change), at, hashers).expect("JSON");
            delivery
                .events
                .iter()
                .for_each(|event| drop(state.apply(event)));
        }
        !counts(&state).is_empty()
    };
    assert!(!counted(IDLE - 10), "the session is open");
    assert!(
        counted(IDLE + 70),
        "it was abandoned, and the buffer is flushed"
    );
}

#[test]
fn with_three_variants_each_has_its_own_verdict() {
    let declared = [experiment("wording", ExperimentMetric::Reply, 3)];
    let text = text(&declared, &state_after(&declared, &three_customers()));
    let verdicts = samples(&text, "whatsapp_experiment_verdict");
    let given: Vec<_> = verdicts
        .iter()
        .filter(|sample| sample.ends_with(" 1"))
        .collect();
    assert_eq!(
        given,
        [
            r#"whatsapp_experiment_verdict{experiment="wording",variant="long",verdict="not_enough"} 1"#,
            r#"whatsapp_experiment_verdict{experiment="wording",variant="other words",verdict="not_enough"} 1"#,
        ]
        .iter()
        .collect::<Vec<_>>()
    );
    let differences = samples(&text, "whatsapp_experiment_difference");
    assert_eq!(differences.len(), 3, "the third variant has no user");
    assert!(differences[0].contains(r#"variant="long",bound="estimate""#));
    assert!(
        text.contains(r#"whatsapp_experiment_users{experiment="wording",variant="other words"} 0"#)
    );
}

#[test]
fn a_clear_difference_is_decided_and_a_wrong_split_is_shown() {
    let declared = [experiment("wording", ExperimentMetric::Reply, 2)];
    let mut arrivals = Vec::new();
    for customer in 0..900 {
        let mut walk = Walk::new(customer, EPOCH_SECONDS);
        let is_long = customer % 3 == 0;
        walk.asked(0, 1, "sent", "1", if is_long { "long" } else { "short" });
        if customer % 10 < if is_long { 7 } else { 2 } {
            walk.write(10, None);
        }
        arrivals.extend(walk.changes);
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let text = text(&declared, &state_after(&declared, &arrivals));
    for line in [
        r#"whatsapp_experiment_users{experiment="wording",variant="short"} 600"#,
        r#"whatsapp_experiment_rate{experiment="wording",variant="long"} 0.7"#,
        r#"whatsapp_experiment_verdict{experiment="wording",verdict="b_better"} 1"#,
        r#"whatsapp_experiment_verdict{experiment="wording",verdict="not_enough"} 0"#,
        r#"whatsapp_experiment_split_mismatch{experiment="wording"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Two versions with any variant are compared, and of other journeys nothing counts.
#[test]
fn versions_are_compared_with_any_variant() {
    let arm = |version: &str| ExperimentArm {
        name: version.to_owned(),
        journey: journey(version).id,
        variant: None,
    };
    let declared = [Experiment {
        arms: vec![arm("1"), arm("2")],
        split: ExperimentSplit::BeforeAfter,
        ..experiment("new", ExperimentMetric::Read, 2)
    }];
    let mut arrivals = Vec::new();
    for (customer, version, variant) in [(1, "1", "short"), (2, "2", "long"), (3, "3", "long")] {
        let mut walk = Walk::new(customer, EPOCH_SECONDS);
        walk.asked(0, 1, "sent", version, variant);
        arrivals.extend(walk.changes);
    }
    let text = text(&declared, &state_after(&declared, &arrivals));
    assert_eq!(
        samples(&text, "whatsapp_experiment_users"),
        [
            r#"whatsapp_experiment_users{experiment="new",variant="1"} 1"#,
            r#"whatsapp_experiment_users{experiment="new",variant="2"} 1"#,
        ]
    );
    assert!(samples(&text, "whatsapp_experiment_split_mismatch").is_empty());
}

/// What some customers do at random, in the order of its time.
fn drawn(dice: &mut Rng) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for customer in 0..dice.usize(1..12) {
        let mut walk = Walk::new(customer, EPOCH_SECONDS + dice.i64(0..400));
        for message in 0..dice.u32(1..4) {
            let at = dice.i64(0..4_000);
            let variant = VARIANTS[dice.usize(..2)];
            walk.asked(at, message, "sent", "1", variant);
            if dice.bool() {
                let status = if dice.bool() { "read" } else { "failed" };
                walk.asked(at + dice.i64(0..90), message, status, "1", variant);
            }
        }
        for reply in 0..dice.u32(0..4) {
            let buttons = [None, Some("monday"), Some("yes")];
            walk.write(dice.i64(0..4_000), buttons[dice.usize(..3)]);
            if dice.bool() {
                walk.status(dice.i64(0..4_000), 100 + reply, "sent", "");
            }
        }
        if dice.bool() {
            walk.stop(dice.i64(0..4_000));
        }
        arrivals.extend(walk.changes);
    }
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Webhooks that arrive in any order within the reordering buffer give the same users and outcomes.
    #[test]
    fn the_order_of_arrival_does_not_matter(seed: u64) {
        let mut dice = Rng::with_seed(seed);
        let (declared, arrivals) = (one_of_each(), drawn(&mut dice));
        let late = |(at, change): &Arrival| (at + dice.i64(0..50), change.clone());
        let mut delayed: Vec<Arrival> = arrivals.iter().map(late).collect();
        delayed.sort_by_key(|(at, _)| *at);
        let in_order = counts(&state_after(&declared, &arrivals));
        prop_assert_eq!(&in_order, &counts(&state_after(&declared, &delayed)));
        for experiment in &declared {
            let arms = in_order.get(&experiment.name);
            prop_assert!(arms.is_some_and(|arms| arms.values().all(|arm| arm.successes <= arm.users)));
        }
    }
}
