//! Every metric, label and word that a rule or a panel may name: what the code declares, and what Prometheus adds.

use whatsapp_business_exporter::domain::campaign::CampaignStage;
use whatsapp_business_exporter::domain::journey::Confusion;
use whatsapp_business_exporter::domain::{
    CanSendMessage, Collector, HealthEntity, PAYMENT_MISSING, PORTFOLIO_UNVERIFIED, QualityRating,
    WebhookField, Word, access, account, insights, message, number, template,
};
use whatsapp_business_exporter::ingest::graph::FailureKind;
use whatsapp_business_exporter::ingest::webhook::{HandshakeRefusal, SignatureError};
use whatsapp_business_exporter::insight::experiments::Verdict;
use whatsapp_business_exporter::insight::rates::Rate;
use whatsapp_business_exporter::state::journal;

use super::labels::{Metrics, Names, read};
use crate::alerts::rules;
use crate::docs::tables;

/// Prometheus puts these on every series. `cluster` is there where several clusters share a Prometheus, `part` where an
/// exporter is scraped in parts; elsewhere every
/// series lacks it, which PromQL and Alertmanager treat as equal values.
const FROM_THE_SCRAPE: &[&str] = &["job", "instance", "cluster", "part"];

/// Series of Prometheus about a scrape.
const OF_THE_SCRAPE: &[&str] = &["up", "scrape_duration_seconds", "scrape_samples_scraped"];

/// Series of Prometheus about alerts, with their labels that identify something.
const ALERTS: (&str, &[&str]) = (
    "ALERTS",
    &[
        "alertname",
        "alertstate",
        "severity",
        "waba_id",
        "phone_number_id",
        "template_id",
    ],
);

/// What may be named: the exporter's metrics, Prometheus' own, and what is recorded.
pub fn metrics() -> Metrics {
    let mut metrics: Metrics = declared()
        .into_iter()
        .chain(OF_THE_SCRAPE.iter().map(|name| metric(name, &[])))
        .chain([metric(ALERTS.0, ALERTS.1)])
        .collect();
    for rule in rules::recordings() {
        let (labels, _) = read(&rule.expr, &metrics);
        let constant = rule.labels.keys().cloned();
        let labels = labels.always.into_iter().chain(constant).collect();
        metrics.insert(rule.name().to_owned(), labels);
    }
    metrics
}

/// The exporter's series, each with its labels; a histogram's by their suffixes.
pub fn declared() -> Metrics {
    let mut metrics = Metrics::new();
    for row in tables::rows() {
        let labels: Vec<&str> = row.labels.iter().map(String::as_str).collect();
        if row.kind == "histogram" {
            let bucket = [&labels[..], &["le"]].concat();
            metrics.extend([metric(&format!("{}_bucket", row.name), &bucket)]);
            metrics.extend(
                ["_sum", "_count"].map(|end| metric(&format!("{}{end}", row.name), &labels)),
            );
        } else {
            metrics.extend([metric(&row.name, &labels)]);
        }
    }
    metrics
}

fn metric(name: &str, labels: &[&str]) -> (String, Names) {
    let labels = labels.iter().chain(FROM_THE_SCRAPE);
    (name.to_owned(), labels.map(ToString::to_string).collect())
}

/// The values that a label of a metric can have; none where they are ids, or anything.
pub fn words(metric: &str, label: &str) -> Option<Vec<String>> {
    let of_message = match label {
        "kind" if metric == "whatsapp_messages_received_total" => Some(all::<message::Kind>()),
        "preference" if metric == "whatsapp_marketing_preferences_total" => {
            Some(all::<message::MarketingPreference>())
        }
        "error_code"
            if [
                "whatsapp_message_failures_total",
                "whatsapp_campaign_failures_total",
            ]
            .contains(&metric) =>
        {
            None
        }
        "stage" if metric == "whatsapp_campaign_messages_total" => Some(all::<CampaignStage>()),
        // Any number may come; rules name those that the status page judges, and those about calls.
        "error_code" => {
            let codes = [PAYMENT_MISSING, PORTFOLIO_UNVERIFIED].map(|code| code.to_string());
            Some([&codes[..], &list(&["138..."])].concat())
        }
        "status" if metric == "whatsapp_message_statuses_total" => Some(all::<message::Status>()),
        "category"
            if [
                "whatsapp_message_statuses_total",
                "whatsapp_messages_priced_total",
            ]
            .contains(&metric) =>
        {
            Some(all::<message::Category>())
        }
        "pricing_type" => Some(all::<message::PricingType>()),
        "actor" => Some(list(&["bot", "agent", "unknown"])),
        "clock" => Some(list(&["wall", "business"])),
        "reason" if metric == "whatsapp_conversations_ended_total" => {
            Some(list(&["answered", "unanswered", "overflow"]))
        }
        "reason" if metric == "whatsapp_journey_step_confused_total" => Some(all::<Confusion>()),
        "verdict" if metric == "whatsapp_experiment_verdict" => {
            Some(list(&Verdict::ALL.map(Verdict::as_str)))
        }
        _ => None,
    };
    if of_message.is_some() {
        return of_message;
    }
    let noun = [
        "whatsapp_phone_number_",
        "whatsapp_message_template",
        "whatsapp_business_account_",
        "whatsapp_access_token_",
        "whatsapp_app_",
        "whatsapp_exporter_",
    ]
    .into_iter()
    .find_map(|noun| Some((noun, metric.strip_prefix(noun)?)));
    match (noun?, label) {
        (_, "quality_rating") => Some(all::<QualityRating>()),
        (_, "can_send_message") => Some(all::<CanSendMessage>()),
        (_, "entity_type") => Some(all::<HealthEntity>()),
        (_, "collector") => Some(all::<Collector>()),
        (_, "direction") => Some(list(&["increase", "decrease"])),
        (_, "scope") => Some(list(access::NEEDED_SCOPES)),
        (("whatsapp_app_", _), "field") => Some(watched_fields()),
        (("whatsapp_phone_number_", rest), label) => words_of_number(rest, label),
        (("whatsapp_message_template", rest), label) => words_of_template(rest, label),
        (("whatsapp_business_account_", rest), label) => words_of_account(rest, label),
        ((_, rest), label) => words_of_exporter(rest, label),
    }
}

fn words_of_number(metric: &str, label: &str) -> Option<Vec<String>> {
    match (metric, label) {
        ("status", "status") => Some(all::<number::Status>()),
        ("name_status" | "new_name_status", "status") => Some(all::<number::NameStatus>()),
        ("code_verification_status", "status") => Some(all::<number::CodeVerificationStatus>()),
        (_, "level") => Some(all::<number::ThroughputLevel>()),
        ("security_events_total" | "last_security_event_timestamp_seconds", "event") => {
            Some(all::<number::SecurityEventKind>())
        }
        (_, "event") => Some(all::<number::QualityEventKind>()),
        (_, "rejection_reason") => Some(all::<number::NameRejectionReason>()),
        (_, "account_mode") => Some(all::<number::AccountMode>()),
        (_, "platform_type") => Some(all::<number::PlatformType>()),
        ("daily_volume" | "daily_cost", "category") => Some(all::<insights::PricingCategory>()),
        _ => None,
    }
}

fn words_of_template(metric: &str, label: &str) -> Option<Vec<String>> {
    match (metric, label) {
        (_, "status") => Some(all::<template::Status>()),
        (_, "event") => Some(all::<template::EventKind>()),
        (_, "reason") => Some(all::<template::RejectedReason>()),
        ("_daily_messages", "stage") => Some(all::<insights::Stage>()),
        ("_median_rate", "rate") => Some(list(&Rate::ALL.map(Rate::as_str))),
        (_, "category" | "correct_category") => Some(all::<template::Category>()),
        ("_quality_events_total", "from" | "to") => Some(all::<QualityRating>()),
        ("_category_changes_total", "from" | "to") => Some(all::<template::Category>()),
        _ => None,
    }
}

fn words_of_account(metric: &str, label: &str) -> Option<Vec<String>> {
    match (metric, label) {
        ("status", "status") => Some(all::<account::Status>()),
        ("review_status", "status") => Some(all::<account::ReviewStatus>()),
        ("business_verification_status", "status") => {
            Some(all::<account::BusinessVerificationStatus>())
        }
        ("marketing_messages_onboarding_status", "status") => {
            Some(all::<account::MarketingOnboarding>())
        }
        ("ban_state", "state") => Some(all::<account::BanState>()),
        (_, "restriction_type") => Some(all::<account::RestrictionType>()),
        ("flow_alert", "event") => Some(all::<account::FlowEventKind>()),
        (_, "event") => Some(all::<account::EventKind>()),
        (_, "reason") => Some(all::<account::DisconnectionReason>()),
        (_, "initiated_by") => Some(all::<account::Initiator>()),
        (_, "violation_type") => Some(all::<account::ViolationType>()),
        (_, "severity") => Some(all::<account::AlertSeverity>()),
        (_, "alert") => Some(all::<account::AlertType>()),
        _ => None,
    }
}

fn words_of_exporter(metric: &str, label: &str) -> Option<Vec<String>> {
    match (metric, label) {
        ("graph_request_failures_total", "reason") => Some(all::<FailureKind>()),
        ("webhook_rejected_total", "reason") => Some(reasons_of_refusal()),
        ("webhook_changes_total", "field") => Some(all::<WebhookField>()),
        ("graph_usage_ratio", "kind") => Some(list(&["call_count", "total_cputime", "total_time"])),
        ("drift_total", "source") => Some(list(&["poll", "webhook"])),
        ("drift_total", "attribute") => Some(attributes_that_drift()),
        _ => None,
    }
}

fn watched_fields() -> Vec<String> {
    let fields = WebhookField::WATCHED.iter().map(|field| field.as_str());
    fields.map(str::to_owned).collect()
}

/// Attributes that both polls and webhooks report.
fn attributes_that_drift() -> Vec<String> {
    let shared = journal::shared_attributes();
    shared
        .map(|(entity, name)| format!("{entity}_{name}"))
        .collect()
}

fn reasons_of_refusal() -> Vec<String> {
    let handshakes = HandshakeRefusal::ALL.iter().map(|refusal| refusal.as_str());
    let signatures = SignatureError::ALL.iter().map(|error| error.as_str());
    let others = ["wrong_port"];
    list(
        &handshakes
            .chain(signatures)
            .chain(others)
            .collect::<Vec<_>>(),
    )
}

fn all<W: Word>() -> Vec<String> {
    W::ALL.iter().map(|word| word.as_str().to_owned()).collect()
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
