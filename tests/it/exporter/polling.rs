//! Failing polls remove nothing. Only a complete listing removes objects.

use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;

use super::meta::{Exporter, NUMBER, OFTEN, WABA, config_file, small_world};

fn graph_error(code: u32, subcode: Option<u32>) -> Fault {
    Fault::GraphError {
        status: 400,
        code,
        subcode,
        message: "(#0) made up".to_owned(),
        is_transient: None,
    }
}

fn info() -> String {
    format!(
        r#"whatsapp_phone_number_info{{waba_id="{WABA}",phone_number_id="{NUMBER}",display_phone_number="+1 555-010-0199",verified_name="Fern & Moss",platform_type="CLOUD_API",account_mode="LIVE"}}"#
    )
}

fn up() -> String {
    format!(r#"whatsapp_exporter_poll_up{{app="default",waba_id="{WABA}",collector="numbers"}}"#)
}

fn failures(reason: &str) -> String {
    format!(
        r#"whatsapp_exporter_graph_request_failures_total{{endpoint="phone_numbers",reason="{reason}"}}"#
    )
}

#[tokio::test]
async fn no_failure_removes_data_and_each_is_counted_by_its_kind() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    let faults = [
        (graph_error(100, Some(33)), "not_found_or_hidden"),
        (graph_error(10, None), "permission"),
        (Fault::TruncatedJson, "malformed"),
        (Fault::ServerErrorPage, "transient"),
    ];
    for (fault, reason) in faults {
        let fault = exporter
            .meta
            .fault(Some(Endpoint::PhoneNumbers), None, fault);
        exporter.until(up(), 0.0).await;
        exporter
            .until_metrics(reason, |text| {
                let line = text
                    .lines()
                    .find_map(|line| line.strip_prefix(&failures(reason)));
                line.is_some_and(|count| count != " 0")
            })
            .await;
        assert_eq!(exporter.value(&info()).await, Some(1.0), "{reason}");
        exporter.meta.clear_fault(fault);
        exporter.until(up(), 1.0).await;
    }
}

#[tokio::test]
async fn a_rejected_token_is_reported_for_all_collectors_and_recovers() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    exporter
        .meta
        .change(WorldChange::TokenExpired)
        .expect("there is a token");
    exporter.until(up(), 0.0).await;
    exporter
        .until(
            format!(r#"whatsapp_exporter_poll_up{{app="default",waba_id="{WABA}",collector="templates"}}"#),
            0.0,
        )
        .await;
    assert_eq!(exporter.value(&info()).await, Some(1.0));
    exporter
        .meta
        .change(WorldChange::TokenRenewed { in_seconds: None })
        .expect("there is a token");
    exporter.until(up(), 1.0).await;
}

#[tokio::test]
async fn only_a_complete_listing_removes_a_number() {
    let world = small_world().with_many_phone_numbers(WABA, 150);
    let exporter = Exporter::watching(world, OFTEN).await;
    let count = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("whatsapp_phone_number_info{"))
            .count()
    };
    exporter
        .until_metrics("all numbers", |text| count(text) == 151)
        .await;
    // The listing never ends, so objects that it lacks are not removed.
    let endless = exporter
        .meta
        .fault(Some(Endpoint::PhoneNumbers), None, Fault::EndlessCursors);
    exporter
        .meta
        .change(WorldChange::NumberRemoved {
            phone_number_id: NUMBER.to_owned(),
        })
        .expect("the number is there");
    exporter.until(up(), 0.0).await;
    assert_eq!(exporter.value(&info()).await, Some(1.0));
    exporter.meta.clear_fault(endless);
    exporter
        .until_metrics("the number to be gone", |text| count(text) == 150)
        .await;
}

#[tokio::test]
async fn a_retired_field_affects_only_that_field() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    exporter
        .meta
        .change(WorldChange::FieldRetired {
            field: "throughput".to_owned(),
        })
        .expect("any field");
    exporter
        .until(
            r#"whatsapp_exporter_graph_fields_dropped_total{endpoint="phone_numbers"}"#,
            1.0,
        )
        .await;
    exporter
        .meta
        .change(WorldChange::QualityRatingChanged {
            phone_number_id: NUMBER.to_owned(),
            quality_rating: "YELLOW".to_owned(),
        })
        .expect("the number is there");
    exporter.until(format!(r#"whatsapp_phone_number_quality_score{{waba_id="{WABA}",phone_number_id="{NUMBER}"}}"#), 2.0).await;
}

#[tokio::test]
async fn an_unknown_status_is_other_and_counted() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    let change = WorldChange::NumberStatusChanged {
        phone_number_id: NUMBER.to_owned(),
        status: "HIBERNATING".to_owned(),
    };
    exporter.meta.change(change).expect("the number is there");
    exporter.until(format!(r#"whatsapp_phone_number_status{{waba_id="{WABA}",phone_number_id="{NUMBER}",status="OTHER"}}"#), 1.0).await;
    let unknown = exporter
        .value(r#"whatsapp_exporter_unknown_values_total{field="phone_number.status"}"#)
        .await;
    assert!(unknown >= Some(1.0));
}

#[tokio::test]
async fn the_planned_calls_of_polls_are_exported() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    let planned = format!(r#"whatsapp_exporter_graph_planned_calls_per_hour{{waba_id="{WABA}"}}"#);
    exporter.until(planned, 3.0 * 3_600.0).await;
}

#[tokio::test]
async fn a_poll_that_cannot_run_in_time_is_not_up_and_has_a_reason() {
    let file = config_file(OFTEN, &[WABA]).replace("poll:\n", "poll:\n  calls_per_hour: 20\n");
    let exporter = Exporter::configured(small_world(), &file).await;
    exporter.until_polled(WABA, "numbers").await;
    exporter.until(up(), 0.0).await;
    let failure = |reason: &str| {
        format!(
            r#"whatsapp_exporter_poll_failure{{app="default",waba_id="{WABA}",collector="numbers",reason="{reason}"}}"#
        )
    };
    assert_eq!(exporter.value(&failure("budget_spent")).await, Some(1.0));
    assert_eq!(
        exporter.value(&info()).await,
        Some(1.0),
        "what is known stays"
    );
    // A reload does not reset the budget, and the reason stays until a poll has run.
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(&up()).await, Some(0.0));
}
