//! The send gate over real sockets: both listeners, the policy, the command and its exit codes.

use serde_json::{Value, json};
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};

use super::meta::{
    Exporter, NUMBER, SELDOM, TEMPLATE, WABA, config_file, small_world, this_second,
};
use crate::process::outcome;

const TOKEN: &str = "a-token-for-the-gate";

const DECISIONS: &str = "whatsapp_exporter_gate_decisions_total";

/// The file of an exporter with two listeners, and more sections.
fn file(more: &str) -> String {
    let accounts = config_file(SELDOM, &[WABA]);
    format!("webhook:\n  listen_address: :0\n{more}{accounts}")
}

/// Without figures about the use of the limit, which need a day of messages.
fn lenient(more: &str) -> String {
    file(&format!(
        "gate:\n{more}  policy:\n    headroom_unknown: ignore\n    headroom_incomplete: ignore\n"
    ))
}

async fn polled(file: &str) -> Exporter {
    let exporter = Exporter::configured(small_world(), file).await;
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    exporter
}

/// Status and body of a request, with a token if there is one.
async fn ask(base: &str, query: &str, token: Option<&str>) -> (u16, Value) {
    let http = reqwest::Client::new();
    let mut request = http.get(format!("{base}/api/v1/gate?{query}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("it answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn whole() -> String {
    format!("phone_number_id={NUMBER}&template=spring_offer&language=en_US&recipients=100")
}

fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["reasons"].as_array().expect("reasons");
    let codes = reasons.iter().filter(|reason| reason["effect"] != "ignore");
    codes.filter_map(|reason| reason["code"].as_str()).collect()
}

fn template_event(event: &str) -> Vec<u8> {
    let value = json!({"event": event, "message_template_id": TEMPLATE,
        "message_template_name": "spring_offer", "message_template_language": "en_US",
        "other_info": {"title": "FIRST_PAUSE"}});
    let change = json!([{"field": "message_template_status_update", "value": value}]);
    let entry = json!([{"id": WABA, "time": this_second(), "changes": change}]);
    let body = json!({"object": "whatsapp_business_account", "entry": entry});
    serde_json::to_vec(&body).expect("JSON")
}

#[tokio::test]
async fn the_operators_listener_needs_no_token_and_counts_each_verdict() {
    let exporter = polled(&lenient("")).await;
    for verdict in ["go", "caution", "stop", "unknown"] {
        let series = format!(r#"{DECISIONS}{{verdict="{verdict}"}}"#);
        assert_eq!(exporter.value(&series).await, Some(0.0), "{verdict}");
    }
    let (status, answer) = ask(&exporter.url, &whole(), None).await;
    assert_eq!(
        (status, &answer["verdict"]),
        (200, &json!("go")),
        "{answer}"
    );
    assert_eq!(answer["waba_ids"], json!([WABA]));
    let age = answer["data_age_seconds"].as_u64().expect("an age");
    assert!(age < 60, "{age}");
    for key in ["limit", "used", "left", "unlimited"] {
        assert!(answer["limit"].get(key).is_some(), "{answer}");
    }

    assert_eq!(exporter.post_signed(template_event("PAUSED")).await, 200);
    let (_, answer) = ask(&exporter.url, &whole(), None).await;
    assert_eq!(answer["verdict"], "stop");
    assert_eq!(codes(&answer), ["template_paused"]);
    let until = answer["reasons"][0]["until"]
        .as_str()
        .expect("Meta says which pause it is");
    assert!(until.ends_with('Z'), "{until}");

    for query in [
        "phone_number_id=1",
        &format!("phone_number_id={NUMBER}&template=another"),
        &format!("phone_number_id={NUMBER}&template=spring_offer&language=de"),
    ] {
        let (status, answer) = ask(&exporter.url, query, None).await;
        assert_eq!(
            (status, &answer["verdict"]),
            (200, &json!("unknown")),
            "{query}"
        );
    }
    for (query, name) in [
        ("", "phone_number_id"),
        ("phone_number_id=x", "phone_number_id"),
        (
            &format!("phone_number_id={NUMBER}&recipients=many"),
            "recipients",
        ),
        (&format!("phone_number_id={NUMBER}&limit=1"), "limit"),
    ] {
        let (status, answer) = ask(&exporter.url, query, None).await;
        let error = answer["error"].as_str().expect("an error");
        assert!(status == 400 && error.contains(name), "{query}: {error}");
    }
    for (verdict, count) in [
        ("go", 1.0),
        ("stop", 1.0),
        ("unknown", 3.0),
        ("caution", 0.0),
    ] {
        let series = format!(r#"{DECISIONS}{{verdict="{verdict}"}}"#);
        assert_eq!(exporter.value(&series).await, Some(count), "{verdict}");
    }
    let foreign = exporter.http.get(format!("{}/api/v1/gate", exporter.url));
    let foreign = foreign.header("Host", "attacker.example").send().await;
    assert_eq!(foreign.expect("it answers").status(), 421);
}

#[tokio::test]
async fn the_public_listener_serves_it_with_the_token_only() {
    let exporter = polled(&lenient("")).await;
    assert_ne!(exporter.url, exporter.public_url);
    let public = &exporter.public_url;
    assert_eq!(
        ask(public, &whole(), Some(TOKEN)).await.0,
        404,
        "no token is set"
    );

    exporter
        .file
        .write(&lenient(&format!("  token: {TOKEN}\n")));
    assert_eq!(exporter.reload().await.0, 200);
    for token in [None, Some(""), Some("another"), Some("a-token-for-the-gat")] {
        let (status, answer) = ask(public, &whole(), token).await;
        assert_eq!(status, 401, "{token:?}");
        assert!(answer.get("verdict").is_none(), "{answer}");
    }
    let refused =
        r#"whatsapp_exporter_requests_refused_total{listener="webhook",reason="unauthorized"}"#;
    assert_eq!(exporter.value(refused).await, Some(4.0));
    let (status, answer) = ask(public, &whole(), Some(TOKEN)).await;
    assert_eq!(
        (status, &answer["verdict"]),
        (200, &json!("go")),
        "{answer}"
    );
    assert_eq!(ask(public, "recipients=1", Some(TOKEN)).await.0, 400);
    let page = exporter.http.get(format!("{public}/api/v1/status")).send();
    assert_eq!(page.await.expect("it answers").status(), 404);
}

#[tokio::test]
async fn on_a_shared_port_the_operators_route_answers() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    assert_eq!(exporter.url, exporter.public_url);
    let (status, answer) = ask(&exporter.url, &whole(), None).await;
    assert_eq!(status, 200, "{answer}");
    assert_ne!(answer["verdict"], "unknown", "{answer}");
}

#[tokio::test]
async fn a_reload_changes_the_policy() {
    let exporter = polled(&lenient("")).await;
    let verdict = async || ask(&exporter.url, &whole(), None).await.1["verdict"].clone();
    assert_eq!(verdict().await, "go");
    let strict = "gate:\n  policy:\n    headroom_unknown: stop\n    headroom_incomplete: stop\n";
    exporter.file.write(&file(strict));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(verdict().await, "stop");
    exporter
        .file
        .write(&file("gate:\n  policy:\n    headroom_unknwon: stop\n"));
    let (status, errors) = exporter.reload().await;
    assert!(
        status == 500 && errors.contains("did you mean `headroom_unknown`?"),
        "{errors}"
    );
    assert_eq!(verdict().await, "stop", "the last valid policy stays");
}

#[tokio::test]
async fn a_number_that_only_another_account_lists_is_found() {
    let (other, its_number) = ("800100200300499", "900100200300499");
    let world = small_world()
        .with_account(Account::new(other, "Other"))
        .with_phone_number(
            other,
            PhoneNumber::new(its_number, "+1 555-010-0177", "Other"),
        );
    let exporter = Exporter::watching(world, SELDOM).await;
    let query = format!("phone_number_id={its_number}");
    let (_, answer) = ask(&exporter.url, &query, None).await;
    assert_eq!(answer["waba_ids"], json!([other]), "{answer}");
    let query = format!("phone_number_id={its_number}&template=spring_offer");
    let (_, answer) = ask(&exporter.url, &query, None).await;
    assert!(codes(&answer).contains(&"template_unknown"), "{answer}");
}

/// Exit code and output of the command.
async fn command(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let run = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = outcome(&arguments, &variables);
        (outcome.code, format!("{}{}", outcome.out, outcome.log))
    });
    run.await.expect("it runs")
}

#[tokio::test]
async fn the_exit_code_of_the_command_is_the_verdict() {
    let exporter = polled(&lenient(&format!("  token: {TOKEN}\n"))).await;
    let number = format!("--phone-number-id={NUMBER}");
    let [operator, public] =
        [&exporter.url, &exporter.public_url].map(|url| format!("--url={url}"));
    let campaign = ["gate", &operator, &number, "--template=spring_offer"];

    let (code, text) = command(&campaign, &[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("go\n"), "{text}");
    let json = [&campaign[..], &["--format=json"]].concat();
    let (_, text) = command(&json, &[]).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer["verdict"], "go");

    // The public listener needs the token.
    let by_public = ["gate", &public, &number];
    let (code, text) = command(&by_public, &[]).await;
    assert!(code == Some(3) && text.contains("token"), "{text}");
    let (code, _) = command(&by_public, &[("WHATSAPP_GATE_TOKEN", TOKEN)]).await;
    assert_eq!(code, Some(0));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("token");
    std::fs::write(&path, format!("{TOKEN}\n")).expect("the folder is ours");
    let token_file = format!("--token-file={}", path.display());
    let (code, text) = command(&["gate", &public, &number, &token_file], &[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains(TOKEN));

    assert_eq!(exporter.post_signed(template_event("DISABLED")).await, 200);
    let (code, text) = command(&campaign, &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("template_not_approved"), "{text}");

    exporter
        .file
        .write(&file("gate:\n  policy: {headroom_unknown: caution}\n"));
    assert_eq!(exporter.reload().await.0, 200);
    let (code, text) = command(&["gate", &operator, &number], &[]).await;
    assert_eq!(code, Some(2), "{text}");

    let (code, _) = command(&["gate", &operator, "--phone-number-id=1"], &[]).await;
    assert_eq!(code, Some(3), "an unknown number");
    for arguments in [
        ["gate", &operator, "--phone-number-id=x"],
        ["gate", &operator, "--recipients=5"],
        ["gate", "--url=http://127.0.0.1:9", &number],
        ["gate", &operator, "--token-file=/nowhere/token"],
    ] {
        let (code, text) = command(&arguments, &[]).await;
        assert_eq!(code, Some(3), "{arguments:?}: {text}");
    }
}
