//! Every account is checked, every read failure has a remedy, and reports about many accounts are short.

use serde_json::json;
use whatsapp_business_exporter::app::doctor::Verdict::{Fine, Problem, Unknown};
use whatsapp_business_exporter::app::doctor::{Finding, Report};
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::{APP_ID, Account, HOME_BUSINESS_ID, World};

use super::patient::{Patient, assert_among, assert_found};
use crate::exporter::meta::{NUMBER, SELDOM, TEMPLATE, WABA, config_file, small_world};
use crate::support::meta::graph_error;

#[tokio::test]
async fn every_reason_for_an_unreadable_account_has_a_cure() {
    let patient = Patient::healthy().await;
    let large = "graph:\n  max_answer_bytes: 64KiB\n".to_owned();
    let patient = patient.with_file(&format!("{large}{}", config_file(SELDOM, &[WABA])));
    for (fault, verdict, words, cure) in [
        (
            graph_error(400, 131_031, "locked"),
            Problem,
            "blocked or locked",
            "Open WhatsApp Manager: it shows the reason, and how to appeal.",
        ),
        (
            graph_error(400, 10, "permission"),
            Problem,
            "lacks a permission",
            "Make a new token with whatsapp_business_management",
        ),
        (
            graph_error(400, 803, "gone"),
            Problem,
            "no such object",
            "Check the id; in Business Settings, assign the account to the system user",
        ),
        (
            graph_error(400, 2, "service temporarily unavailable"),
            Unknown,
            "Meta has a temporary problem",
            "Run `doctor` again",
        ),
        (
            graph_error(400, 12, "(#12) This API is deprecated"),
            Problem,
            "does not understand the request",
            "Set graph.api_version to a version that Meta still serves.",
        ),
        (
            graph_error(400, 80_007, "limit"),
            Problem,
            "Meta rate-limits calls for this account",
            "Wait until Meta's rate limit window",
        ),
        (
            graph_error(400, 999_999, "made up"),
            Problem,
            "an error that this version does not know (code 999999",
            "Look the code up in Meta's list of error codes",
        ),
        (
            Fault::TruncatedJson,
            Problem,
            "not what the Graph API sends",
            "whether a proxy changes the responses",
        ),
        (
            Fault::HugeBody { bytes: 200_000 },
            Problem,
            "larger than graph.max_answer_bytes",
            "Raise graph.max_answer_bytes.",
        ),
    ] {
        let meta = &patient.exporter.meta;
        let id = meta.fault(Some(Endpoint::Account), None, fault);
        assert_found(&patient, "account", verdict, words, cure).await;
        meta.clear_fault(id);
    }
}

#[tokio::test]
async fn an_account_that_does_not_respond_while_the_api_does() {
    let impatient = "graph:\n  request_timeout: 5s\n".to_owned();
    let patient = Patient::healthy().await;
    let patient = patient.with_file(&format!("{impatient}{}", config_file(SELDOM, &[WABA])));
    let milliseconds = 600_000;
    let hang = Fault::Hang { milliseconds };
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::Account), None, hang);
    let cure = "graph.request_timeout limits the wait";
    assert_found(&patient, "account", Unknown, "no response in time", cure).await;
}

#[tokio::test]
async fn the_id_of_another_kind_of_object() {
    let patient = Patient::healthy().await;
    for (id, kind) in [
        (HOME_BUSINESS_ID, "a business portfolio"),
        (NUMBER, "a phone number"),
        (TEMPLATE, "a message template"),
        (APP_ID, "an app"),
    ] {
        let file = config_file(SELDOM, &[id, WABA]);
        let report = patient.examined_with(&file).await;
        let of = |about: &str| -> Vec<Finding> {
            let findings = report.findings.iter();
            let of_it = findings.filter(|one| one.about.as_deref() == Some(about));
            of_it.cloned().collect()
        };
        let cure = format!("List the WABA id; this is the id of {kind}.");
        let words = format!("this is the id of {kind}, not of a WhatsApp Business Account");
        assert_among(&of(id), Problem, &words, &cure);
        let good = of(WABA)
            .into_iter()
            .filter(|one| one.check != "last_webhook");
        assert!(good.clone().count() >= 4 && good.clone().all(|one| one.is_fine()));
    }
}

/// The small world with `count` additional accounts, named by numbers from 1.
fn world_of(count: usize) -> World {
    (1..=count).fold(small_world(), |world, id| {
        world.with_account(Account::new(&id.to_string(), "Branch"))
    })
}

fn file_of(count: usize) -> String {
    let ids: Vec<String> = (1..=count).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    config_file(SELDOM, &ids)
}

fn of_check(report: &Report, check: &str) -> Vec<Finding> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.check == check)
        .cloned()
        .collect()
}

fn hide(patient: &Patient, ids: impl Iterator<Item = usize>) {
    for id in ids {
        patient.let_happen(WorldChange::AccountVisibleChanged {
            waba_id: id.to_string(),
            is_visible: false,
        });
    }
}

const MANY: usize = 150;

#[tokio::test]
async fn many_accounts_are_all_checked_and_fine_findings_are_counted() {
    let patient = Patient::in_world(world_of(MANY)).await;
    hide(&patient, [30, 149].into_iter());
    let asked = |patient: &Patient| patient.exporter.meta.request_count(Endpoint::PhoneNumbers);
    let before = asked(&patient);
    let report = patient.examined_with(&file_of(MANY)).await;
    assert_eq!(asked(&patient) - before, 148, "the last one as well");
    let found = of_check(&report, "account");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(found[0].verdict, Fine);
    assert_eq!(found[0].message, "as expected for 148 of 150 accounts");
    let about: Vec<_> = found[1..].iter().map(|one| one.about.as_deref()).collect();
    assert_eq!(
        about,
        [Some("30"), Some("149")],
        "in the configuration's order"
    );
    for check in ["phone_numbers", "subscribed_apps", "api_budget"] {
        let found = of_check(&report, check);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].message, "as expected for 148 of 150 accounts");
    }
    // No webhooks were received for any of them.
    let silent = of_check(&report, "last_webhook");
    assert_eq!(silent.len(), 51);
    let cure = "The Test button of the App Dashboard sends one";
    assert_among(&silent, Unknown, "none received since", cure);
    let again = patient.examined_with(&file_of(MANY)).await;
    let told = |found: &[Finding]| -> Vec<_> {
        let pairs = found.iter();
        pairs.map(|one| (one.about.clone(), one.verdict)).collect()
    };
    let again = of_check(&again, "account");
    assert_eq!(told(&again), told(&found), "the same order every time");
}

#[tokio::test]
async fn more_problems_than_fit_are_counted() {
    let patient = Patient::in_world(world_of(MANY)).await;
    hide(&patient, 1..=120);
    let report = patient.examined_with(&file_of(MANY)).await;
    let found = of_check(&report, "account");
    assert_eq!(found.len(), 1 + 50 + 1, "{found:#?}");
    let cure = "Fix the listed findings, then run `doctor` again.";
    assert_among(&found, Problem, "70 more accounts are not listed", cure);
}

#[tokio::test]
async fn an_app_rate_limit_stops_the_checks_and_reports_how_many_are_left() {
    let patient = Patient::in_world(world_of(MANY)).await;
    let waba_id = "20".to_owned();
    let (code, regain_minutes) = (4, 30);
    patient.let_happen(WorldChange::RateLimited {
        waba_id,
        code,
        regain_minutes,
    });
    let before = patient.exporter.meta.request_count(Endpoint::Account);
    let report = patient.examined_with(&file_of(MANY)).await;
    let asked = patient.exporter.meta.request_count(Endpoint::Account) - before;
    assert!(
        (20..40).contains(&asked),
        "{asked} accounts were asked about"
    );
    let found = of_check(&report, "account");
    let words = "accounts were not checked: Meta limits the calls of the whole app";
    assert_among(&found, Unknown, words, "Run `doctor` again in an hour");
    assert_eq!(found.iter().filter(|one| one.verdict == Problem).count(), 0);
}

#[tokio::test]
async fn an_account_rate_limit_does_not_stop_the_checks_of_others() {
    let patient = Patient::in_world(world_of(30)).await;
    let waba_id = "20".to_owned();
    let (code, regain_minutes) = (80_008, 30);
    patient.let_happen(WorldChange::RateLimited {
        waba_id,
        code,
        regain_minutes,
    });
    let report = patient.examined_with(&file_of(30)).await;
    let found = of_check(&report, "account");
    assert_eq!(found[0].message, "as expected for 29 of 30 accounts");
    assert_among(
        &found,
        Problem,
        "Meta rate-limits calls",
        "Wait until Meta's rate limit window",
    );
}

#[tokio::test]
async fn checks_stop_when_the_app_quota_is_nearly_used() {
    let patient = Patient::in_world(world_of(MANY)).await;
    let usage = Fault::AppUsage { percent: 90 };
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::Account), None, usage);
    let report = patient.examined_with(&file_of(MANY)).await;
    let found = of_check(&report, "account");
    let words = "accounts were not checked: 90 % of the app's quota is used, and poll.max_usage_ratio is 0.75";
    assert_among(&found, Unknown, words, "Run `doctor` again in an hour");
    let looked_at = &found[0].message;
    assert!(looked_at.ends_with("of 150 accounts"), "{looked_at}");
}

#[tokio::test]
async fn checks_stop_when_the_api_stops_responding() {
    let patient = Patient::in_world(world_of(MANY)).await;
    let file = format!("graph:\n  request_timeout: 5s\n{}", file_of(MANY));
    let milliseconds = 600_000;
    let hang = Fault::Hang { milliseconds };
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::Account), None, hang);
    let report = patient.examined_with(&file).await;
    let found = of_check(&report, "account");
    let words = "accounts were not checked: the Graph API does not respond";
    assert_among(
        &found,
        Unknown,
        words,
        "graph.request_timeout limits the wait",
    );
}

#[tokio::test]
async fn an_account_with_more_numbers_than_the_call_limit_allows() {
    let world = small_world().with_many_phone_numbers(WABA, 2_100);
    let patient = Patient::in_world(world).await;
    let words = "not all pages read: `doctor` makes at most 20 calls";
    let cure = "Check whatsapp_exporter_poll_up of the account";
    assert_found(&patient, "phone_numbers", Unknown, words, cure).await;
}

#[tokio::test]
async fn a_token_that_meta_rejects_only_for_accounts() {
    let patient = Patient::healthy().await;
    let refusal = graph_error(400, 190, "made up");
    patient
        .exporter
        .meta
        .fault(Some(Endpoint::Account), None, refusal);
    let report = patient.examined().await;
    let cure = "Create a system user token";
    assert_among(
        &of_check(&report, "token"),
        Problem,
        "Meta rejects it",
        cure,
    );
    let words = "1 account was not checked: Meta refuses the access token";
    assert_among(
        &of_check(&report, "account"),
        Unknown,
        words,
        "Fix this first",
    );
    assert_eq!(json!(report.problems), 1);
}
