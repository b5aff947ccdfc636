//! A state that was never reported does not count under any label. Tests from payloads to exposition text.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::{Fact, Listing, template};
use whatsapp_business_exporter::expose::{self, Options, Selection, TemplateDetail, TextFormat};
use whatsapp_business_exporter::ingest::ParseWarnings;
use whatsapp_business_exporter::ingest::graph::wire;
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::state::State;

use crate::support::{
    ALL_TEMPLATES, EPOCH_SECONDS, NO_APPS, at, polled, samples, state_after, waba,
};

const TOTALS: [&str; 3] = [
    "whatsapp_message_templates",
    "whatsapp_message_templates_by_quality",
    "whatsapp_message_templates_by_category",
];

/// The state after a complete listing of these nodes, and these webhooks about template 7.
fn state_of(nodes: &[Value], webhooks: &[(&str, Value)]) -> State {
    let mut odd = ParseWarnings::new();
    let objects = nodes
        .iter()
        .map(|node| wire::template::snapshot(node, &mut odd).expect("it has an id"));
    let listing = Listing {
        objects: objects.collect(),
        complete: true,
    };
    let totals = template::Totals::default();
    let mut state = state_after([&polled(0, Fact::TemplatesListed(listing, totals))]);
    for (field, value) in webhooks {
        let mut value = value.clone();
        value["message_template_id"] = json!(7);
        let change = json!({"field": field, "value": value});
        let entry = json!({"id": waba().as_str(), "time": EPOCH_SECONDS + 1, "changes": [change]});
        let body = json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string();
        let delivery = Delivery::parse(body.as_bytes(), at(2), None).expect("JSON");
        for event in &delivery.events {
            state.apply(event);
        }
    }
    state
}

fn text(state: &State, template_detail: TemplateDetail) -> String {
    let options = Options {
        template_detail,
        ..ALL_TEMPLATES.clone()
    };
    expose::render(
        state.accounts(),
        &NO_APPS,
        &[],
        at(3),
        &options,
        Selection::default(),
        TextFormat::Text,
    )
    .text
}

/// The totals, without the account label and without zeros.
fn counted(state: &State) -> Vec<String> {
    let text = text(state, TemplateDetail::None);
    let lines = TOTALS.iter().flat_map(|family| samples(&text, family));
    lines
        .filter(|line| !line.ends_with(" 0"))
        .map(|line| line.replace(r#"waba_id="800100200300400","#, ""))
        .collect()
}

#[test]
fn a_template_known_only_from_a_webhook_counts_only_for_the_reported_state() {
    for (field, value, expected) in [
        (
            "message_template_quality_update",
            json!({"previous_quality_score": "GREEN", "new_quality_score": "RED"}),
            r#"whatsapp_message_templates_by_quality{quality_rating="RED"} 1"#,
        ),
        (
            "message_template_status_update",
            json!({"event": "PAUSED"}),
            r#"whatsapp_message_templates{status="PAUSED"} 1"#,
        ),
        (
            "template_category_update",
            json!({"previous_category": "UTILITY", "new_category": "MARKETING"}),
            r#"whatsapp_message_templates_by_category{category="MARKETING"} 1"#,
        ),
    ] {
        assert_eq!(
            counted(&state_of(&[], &[(field, value)])),
            [expected],
            "{field}"
        );
    }
}

#[test]
fn a_webhook_without_a_state_does_not_change_totals() {
    for (field, value) in [
        (
            "message_template_status_update",
            json!({"event": "FLAGGED"}),
        ),
        ("message_template_status_update", json!({"event": "LOCKED"})),
        (
            "message_template_status_update",
            json!({"event": "QUANTUM_LEAP"}),
        ),
        (
            "template_correct_category_detection",
            json!({"correct_category": "UTILITY"}),
        ),
        (
            "template_category_update",
            json!({"correct_category": "UTILITY", "category_update_timestamp": 1_775_900_000}),
        ),
    ] {
        let state = state_of(&[], &[(field, value)]);
        assert_eq!(counted(&state), [""; 0], "{field}");
    }
}

#[test]
fn a_listing_without_a_field_does_not_change_its_totals() {
    let nodes = [
        json!({"id": "1", "status": "APPROVED"}),
        json!({"id": "2", "status": null, "category": "UTILITY"}),
        json!({"id": "3", "quality_score": {"score": "UNKNOWN"}}),
    ];
    assert_eq!(
        counted(&state_of(&nodes, &[])),
        [
            r#"whatsapp_message_templates{status="APPROVED"} 1"#,
            r#"whatsapp_message_templates_by_quality{quality_rating="UNKNOWN"} 1"#,
            r#"whatsapp_message_templates_by_category{category="UTILITY"} 1"#,
        ]
    );
}

#[test]
fn an_unknown_value_is_a_state() {
    let nodes = [
        json!({"id": "1", "status": "SHINY", "category": "ISSUE_RESOLUTION", "quality_score": "PURPLE"}),
    ];
    assert_eq!(
        counted(&state_of(&nodes, &[])),
        [
            r#"whatsapp_message_templates{status="OTHER"} 1"#,
            r#"whatsapp_message_templates_by_quality{quality_rating="OTHER"} 1"#,
            r#"whatsapp_message_templates_by_category{category="OTHER"} 1"#,
        ]
    );
}

#[test]
fn an_unknown_status_is_not_a_problem_but_a_bad_status_is() {
    let quality = |new: &str| {
        let value = json!({"new_quality_score": new});
        let state = state_of(&[], &[("message_template_quality_update", value)]);
        text(&state, TemplateDetail::Problems).contains("template_id=\"7\"")
    };
    assert!(quality("RED"));
    assert!(!quality("GREEN"));
}
