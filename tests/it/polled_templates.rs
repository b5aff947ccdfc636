//! Templates: from responses of the Graph API to exposition text.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::{Fact, Listing, template};
use whatsapp_business_exporter::ingest::ParseWarnings;
use whatsapp_business_exporter::ingest::graph::wire;
use whatsapp_business_exporter::state::State;

use crate::support::{by_webhook, polled, samples, state_after, template_id, text_of};

const EXAMPLE: &str = include_str!("../fixtures/graph/message_template.json");
const CHANGED: &str = "whatsapp_message_template_quality_rating_changed_timestamp_seconds";
const LABELS: &str = r#"waba_id="800100200300400",template_id="7001002003004005""#;

/// The example response of Meta with some fields replaced.
fn example(fields: &Value) -> Value {
    let mut node: Value = serde_json::from_str(EXAMPLE).expect("it is JSON");
    for (field, value) in fields.as_object().expect("fields") {
        node[field] = value.clone();
    }
    node
}

/// Applies a complete listing with only this template. Returns the number of parse warnings.
fn poll(state: &mut State, seconds: i64, node: &Value) -> usize {
    let mut odd = ParseWarnings::new();
    let objects = Vec::from_iter(wire::template::snapshot(node, &mut odd));
    let complete = true;
    let listing = Listing { objects, complete };
    let fact = Fact::TemplatesListed(listing, template::Totals::default());
    state.apply(&polled(seconds, fact));
    odd.len()
}

fn family(state: &State, name: &str) -> Vec<String> {
    let text = text_of(state);
    let samples = samples(&text, name).into_iter().map(str::to_owned);
    samples.collect()
}

/// The series of the time of the rating.
fn changed(seconds: i64) -> [String; 1] {
    [format!("{CHANGED}{{{LABELS}}} {seconds}")]
}

/// A webhook of a rating.
fn rated(state: &mut State, key: u128, seconds: i64, word: &str) {
    use whatsapp_business_exporter::domain::{QualityRating, Word};
    let identity = template::Identity {
        id: template_id(5),
        name: None,
        language: None,
    };
    let update = template::Update::Quality {
        previous: None,
        new: QualityRating::parse(word),
    };
    let fact = Fact::Template(template::WebhookUpdate { identity, update });
    state.apply(&by_webhook(key, seconds, fact));
}

#[test]
fn the_time_of_the_rating_is_metas_date() {
    let mut state = state_after([]);
    assert_eq!(poll(&mut state, 0, &example(&json!({}))), 0);
    assert_eq!(family(&state, CHANGED), changed(1_727_000_000));
    for (step, date) in [
        json!(1_727_000_001),
        json!("1727000001"),
        json!("2024-09-22T10:13:21+0000"),
    ]
    .into_iter()
    .enumerate()
    {
        let score = json!({"quality_score": [{"score": "RED", "date": date}]});
        let seconds = i64::try_from(step).expect("few") * 60 + 60;
        assert_eq!(poll(&mut state, seconds, &example(&score)), 0);
        assert_eq!(family(&state, CHANGED), changed(1_727_000_001), "{date}");
    }
}

#[test]
fn a_rating_without_a_date_has_no_time() {
    for (score, odd) in [
        (json!("GREEN"), 0),
        (json!({"score": "GREEN"}), 0),
        (json!({"score": "GREEN", "date": null}), 0),
        (json!({"score": "GREEN", "date": 0}), 0),
        (json!({"score": "GREEN", "date": "last Tuesday"}), 1),
        (json!(7), 1),
        (json!([]), 0),
        (json!(null), 0),
    ] {
        let mut state = state_after([]);
        let node = example(&json!({ "quality_score": score }));
        assert_eq!(poll(&mut state, 0, &node), odd, "{score}");
        assert_eq!(family(&state, CHANGED), [""; 0], "{score}");
    }
}

#[test]
fn a_date_does_not_outlive_its_rating() {
    let mut state = state_after([]);
    poll(&mut state, 0, &example(&json!({})));
    rated(&mut state, 1, 10, "GREEN");
    assert_eq!(family(&state, CHANGED), changed(1_727_000_000));
    rated(&mut state, 2, 20, "RED");
    assert_eq!(family(&state, CHANGED), [""; 0], "the date is of GREEN");
    let red = json!({"quality_score": {"score": "RED", "date": 1_775_000_020}});
    poll(&mut state, 60, &example(&red));
    assert_eq!(family(&state, CHANGED), changed(1_775_000_020));
    poll(
        &mut state,
        120,
        &example(&json!({"quality_score": "YELLOW"})),
    );
    assert_eq!(family(&state, CHANGED), [""; 0], "the date is of RED");
}

#[test]
fn a_template_that_meta_made_is_distinguished() {
    const INFO: &str = "whatsapp_message_template_info";
    let names = r#"template_name="spring_offer",language="en_US""#;
    for (source, label, odd) in [
        (json!("AUTO_GENERATED"), "AUTO_GENERATED", 0),
        (json!("manual"), "MANUAL", 0),
        (json!("IMPORTED"), "OTHER", 1),
        (json!(["MANUAL"]), "", 1),
        (json!(null), "", 0),
    ] {
        let mut state = state_after([]);
        let node = example(&json!({ "source": source }));
        assert_eq!(poll(&mut state, 0, &node), odd, "{source}");
        let series = format!(r#"{INFO}{{{LABELS},{names},source="{label}"}} 1"#);
        assert_eq!(family(&state, INFO), [series]);
    }
    let mut state = state_after([]);
    poll(&mut state, 0, &example(&json!({})));
    let mut silent = example(&json!({}));
    silent.as_object_mut().expect("a node").remove("source");
    poll(&mut state, 60, &silent);
    let known = family(&state, INFO);
    assert!(
        known[0].contains(r#"source="AUTO_GENERATED""#),
        "a field that was refused does not undo what is known: {known:?}"
    );
}

#[test]
fn a_category_change_supersedes_an_earlier_correct_category() {
    use template::{Category, Update};
    let mut state = state_after([]);
    let moved = |previous, new| Update::CategoryChanged {
        previous: Some(previous),
        new,
    };
    let (utility, marketing) = (Category::Utility, Category::Marketing);
    let announced = Update::CategoryAnnounced {
        present: Some(utility),
        coming: marketing,
        at: None,
    };
    let steps = [
        (announced, Some(marketing)),
        (moved(utility, marketing), None),
        (moved(marketing, utility), None),
        (
            Update::CategoryDetected { correct: marketing },
            Some(marketing),
        ),
    ];
    for (key, (update, expected)) in (1..).zip(steps) {
        let identity = template::Identity {
            id: template_id(5),
            name: None,
            language: None,
        };
        let fact = Fact::Template(template::WebhookUpdate { identity, update });
        let seconds = 100 * i64::try_from(key).expect("few");
        state.apply(&by_webhook(key, seconds, fact));
        let account = state.accounts().values().next().expect("it is watched");
        let template = account.templates().next().expect("it was reported");
        assert_eq!(template.correct_category_if_other(), expected, "{key}");
    }
}
