//! The prefix of the operator's routes, and the path of webhooks, behind proxies that strip a path or do not.

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use whatsapp_business_exporter::app::health::{Probe, ask};
use whatsapp_business_exporter::config::{Config, Flags};

use super::USERS;
use crate::exporter::meta::{CONFIG_FILE, Exporter, SELDOM, WABA, config_file, small_world};

const HIDDEN: [&str; 5] = ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/status"];

fn file(web: &str, webhook: &str) -> String {
    let watched = config_file(SELDOM, &[WABA]);
    format!("web:\n{web}webhook:\n  enabled: true\n{webhook}{watched}")
}

async fn exporter(web: &str, webhook: &str) -> Exporter {
    let mut exporter = Exporter::configured(small_world(), &file(web, webhook)).await;
    let http = reqwest::Client::builder().redirect(Policy::none());
    exporter.http = http.build().expect("a client");
    exporter
}

async fn status(exporter: &Exporter, path: &str) -> u16 {
    let url = format!("{}{path}", exporter.url);
    let answer = exporter.http.get(url).send().await.expect("an answer");
    answer.status().as_u16()
}

/// Where a request is sent instead.
async fn location(exporter: &Exporter, path: &str) -> Option<String> {
    let url = format!("{}{path}", exporter.url);
    let answer = exporter.http.get(url).send().await.expect("an answer");
    let to = answer.headers().get("location")?.to_str().expect("text");
    assert_eq!(answer.status(), StatusCode::FOUND);
    // What guards every response guards this one.
    assert!(answer.headers().contains_key("x-content-type-options"));
    Some(to.to_owned())
}

#[tokio::test]
async fn the_path_of_the_external_url_may_be_stripped_or_not() {
    let exporter = exporter("  external_url: https://ops.example.com/wa\n", "").await;
    for prefix in ["", "/wa"] {
        for path in HIDDEN {
            assert_eq!(status(&exporter, &format!("{prefix}{path}")).await, 200);
        }
    }
    let slash = location(&exporter, "/wa?waba_id=1").await;
    assert_eq!(slash.as_deref(), Some("/wa/?waba_id=1"));
    // The page's links are relative, so they stay below the prefix.
    let page = exporter.get("/wa/").await;
    assert!(
        page.contains("href=\"metrics\"") && !page.contains("href=\"/"),
        "{page}"
    );
}

#[tokio::test]
async fn a_route_prefix_is_the_only_path() {
    let exporter = exporter("  route_prefix: /wa/quality\n", "").await;
    for path in HIDDEN {
        let below = format!("/wa/quality{path}");
        assert_eq!(status(&exporter, &below).await, 200, "{below}");
        let expected = if path == "/" { 302 } else { 404 };
        assert_eq!(status(&exporter, path).await, expected, "{path}");
    }
    assert_eq!(
        location(&exporter, "/").await.as_deref(),
        Some("/wa/quality/")
    );
    let text = exporter.http.get(format!("{}/metrics", exporter.url));
    let text = text.send().await.expect("an answer").text().await;
    assert!(text.expect("text").contains("/wa/quality/"));
    // Webhooks and events have their own paths, on a shared port too.
    assert_eq!(exporter.post(b"{}".to_vec(), None).await, 401);
    assert_eq!(status(&exporter, "/v1/openapi.json").await, 200);
    assert_eq!(status(&exporter, "/wa/quality/v1/openapi.json").await, 404);

    let address = exporter.url.trim_start_matches("http://").to_owned();
    let flags = Flags::default()
        .with_config_file(Some(CONFIG_FILE.into()))
        .with("--web.listen-address", Some(address));
    let config = Config::load(&flags, &exporter.file).expect("a valid configuration");
    for probe in [Probe::Healthy, Probe::Ready] {
        ask(&config.web, probe)
            .await
            .expect("it answers below its prefix");
    }
}

#[tokio::test]
async fn every_check_applies_below_a_prefix() {
    let file = format!(
        "web:\n  config_file: web.yml\n  open_probes: true\n  route_prefix: /wa\n{}",
        config_file(SELDOM, &[WABA])
    );
    let files = [("web.yml", USERS.as_str())];
    let exporter = Exporter::with_files(small_world(), &file, "sqlite::memory:", &files).await;
    for path in ["/wa/", "/wa/metrics", "/wa/api/v1/status"] {
        assert_eq!(status(&exporter, path).await, 401, "{path}");
    }
    for path in ["/wa/-/healthy", "/wa/-/ready"] {
        assert_eq!(status(&exporter, path).await, 200, "{path}");
    }
    let foreign = exporter.http.get(format!("{}/wa/", exporter.url));
    let foreign = foreign.header("host", "rebound.example");
    let foreign = foreign.basic_auth("alice", Some("open sesame")).send();
    assert_eq!(foreign.await.expect("an answer").status(), 421);
}

#[tokio::test]
async fn webhooks_are_received_at_their_path_alone() {
    let exporter = exporter("  max_connections: 100\n", "  path: /meta/hook\n").await;
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let post = async |path: &str| {
        let secret = exporter.meta.look(|world| world.app.secret.clone());
        let signature =
            whatsapp_business_exporter::simulator::signature::header_value(&secret, body);
        let request = exporter.http.post(format!("{}{path}", exporter.url));
        let request = request.header("x-hub-signature-256", signature);
        let answer = request.body(body.to_vec()).send().await.expect("an answer");
        answer.status().as_u16()
    };
    for (path, expected) in [
        ("/meta/hook", 200),
        ("/meta/hook/", 200),
        ("/meta/hook/x", 404),
        ("/webhook", 404),
        ("/webhook/", 404),
    ] {
        assert_eq!(post(path).await, expected, "{path}");
    }
    // A reload moves it.
    exporter
        .file
        .write(&file("  max_connections: 100\n", "  path: /webhook\n"));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(
        (post("/webhook/").await, post("/meta/hook").await),
        (200, 404)
    );
}

#[tokio::test]
async fn a_path_that_hides_another_route_is_refused() {
    for (web, webhook) in [
        ("  route_prefix: /wa\n", "  path: /wa\n"),
        ("  route_prefix: /wa\n", "  path: /wa/metrics\n"),
        ("  open_probes: true\n", "  path: /api/v1/status\n"),
        ("  open_probes: true\n", "  path: hook\n"),
    ] {
        let exporter = exporter("  open_probes: true\n", "").await;
        exporter.file.write(&file(web, webhook));
        let (status, errors) = exporter.reload().await;
        assert_eq!(status, 500, "{web}{webhook}");
        assert!(errors.contains("webhook.path: "), "{errors}");
    }
}
