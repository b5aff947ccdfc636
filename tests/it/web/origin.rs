//! Host names, origins and the lifecycle endpoint, with requests of browsers, also after DNS rebinding.

use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};

async fn exporter(web: &str) -> Exporter {
    let file = format!("web:\n{web}{}", config_file(SELDOM, &[WABA]));
    Exporter::configured(small_world(), &file).await
}

/// The status and text of a request with these headers.
async fn asked(
    exporter: &Exporter,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, String, Option<String>) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    let url = format!("{}{path}", exporter.url);
    let mut request = exporter.http.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let retry = answer.headers().get("retry-after");
    let retry = retry.map(|after| after.to_str().expect("text").to_owned());
    (
        answer.status().as_u16(),
        answer.text().await.expect("text"),
        retry,
    )
}

async fn refused(exporter: &Exporter, reason: &str) -> Option<f64> {
    let series =
        format!(r#"whatsapp_exporter_requests_refused_total{{listener="web",reason="{reason}"}}"#);
    exporter.value(&series).await
}

const FOREIGN: (&str, &str) = ("host", "rebound.example:10131");

#[tokio::test]
async fn pages_and_apis_answer_under_allowed_names_only() {
    let exporter = exporter("  enable_lifecycle: true\n  allowed_hosts: [wa.example.com]\n").await;
    for (method, path) in [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/?offset=0"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/history"),
        ("POST", "/-/reload"),
    ] {
        let (status, text, _) = asked(&exporter, method, path, &[FOREIGN]).await;
        assert_eq!(status, 421, "{method} {path}");
        assert!(
            method == "HEAD" || text.contains("web.allowed_hosts"),
            "{text}"
        );
        assert!(!text.contains("rebound"), "{text}");
        for own in ["wa.example.com", "localhost:10131", "exporter", "[::1]:1"] {
            let (status, ..) = asked(&exporter, method, path, &[("host", own)]).await;
            assert_eq!(status, 200, "{method} {path} {own}");
        }
    }
    assert_eq!(refused(&exporter, "foreign_host").await, Some(6.0));
    for path in ["/metrics", "/-/healthy", "/-/ready", "/v1/openapi.json"] {
        let (status, ..) = asked(&exporter, "GET", path, &[FOREIGN]).await;
        assert_eq!(status, 200, "{path}");
    }
    // Meta's name for it is the public one, and a browser never calls this.
    let (status, ..) = asked(&exporter, "POST", "/webhook", &[FOREIGN]).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_reload_changes_the_allowed_names() {
    let exporter = exporter("  allowed_hosts: []\n").await;
    let status = async || asked(&exporter, "GET", "/", &[FOREIGN]).await.0;
    assert_eq!(status().await, 421);
    for web in [
        "allowed_hosts: [rebound.example]",
        "allowed_hosts: ['*']",
        "external_url: 'https://rebound.example/wa'",
    ] {
        let file = format!("web:\n  {web}\n{}", config_file(SELDOM, &[WABA]));
        exporter.file.write(&file);
        assert_eq!(exporter.reload().await.0, 200);
        assert_eq!(status().await, 200, "{web}");
        exporter.file.write(&config_file(SELDOM, &[WABA]));
        assert_eq!(exporter.reload().await.0, 200);
        assert_eq!(status().await, 421);
    }
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let exporter = exporter("  enable_lifecycle: true\n").await;
    for headers in [
        [("origin", "https://evil.example"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
        [("sec-fetch-site", "cross-site"), ("accept", "*/*")],
        [("sec-fetch-site", "same-site"), ("accept", "*/*")],
        [
            ("origin", "http://127.0.0.1:1"),
            ("sec-fetch-site", "same-site"),
        ],
    ] {
        let (status, text, _) = asked(&exporter, "POST", "/-/reload", &headers).await;
        assert_eq!(status, 403, "{headers:?}");
        assert!(text.contains("another site"), "{text}");
        // Reading is not changing.
        assert_eq!(asked(&exporter, "GET", "/", &headers).await.0, 200);
    }
    assert_eq!(refused(&exporter, "foreign_origin").await, Some(5.0));
    let own = [
        ("origin", exporter.url.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(asked(&exporter, "POST", "/-/reload", &own).await.0, 200);
}

#[tokio::test]
async fn lifecycle_requests_are_off_by_default() {
    let exporter = exporter("  max_connections: 16\n").await;
    let (status, text, _) = asked(&exporter, "POST", "/-/reload", &[]).await;
    assert_eq!(status, 403);
    assert!(text.contains("Lifecycle API is not enabled"), "{text}");
    assert!(
        text.contains("--web.enable-lifecycle") && text.contains("SIGHUP"),
        "{text}"
    );
    assert_eq!(refused(&exporter, "lifecycle_disabled").await, Some(1.0));
    assert_eq!(asked(&exporter, "GET", "/-/reload", &[]).await.0, 405);
}

#[tokio::test]
async fn reloads_by_request_are_limited_and_others_get_retry_after() {
    let exporter = exporter("  enable_lifecycle: true\n").await;
    let mut statuses = Vec::new();
    for _ in 0..50 {
        let (status, text, retry) = asked(&exporter, "POST", "/-/reload", &[]).await;
        if status == 429 {
            let seconds: u64 = retry.expect("when").parse().expect("seconds");
            assert!((1..=10).contains(&seconds), "{seconds}");
            assert!(text.contains("too many reloads"), "{text}");
        }
        statuses.push(status);
    }
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    // A slow machine may earn one more.
    assert!((5..=10).contains(&count(200)), "{statuses:?}");
    assert_eq!(count(200) + count(429), 50);
    assert_eq!(
        refused(&exporter, "reload_rate").await,
        Some(count(429) as f64)
    );
    // A signal is not limited.
    assert_eq!(exporter.reload().await.0, 200);
}
