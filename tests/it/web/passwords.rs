//! Names and passwords, and paths that require none.

use super::authority::Authority;
use super::{USERS, exporter_with};
use crate::exporter::meta::Exporter;

async fn exporter(more: &str) -> Exporter {
    let ca = Authority::new();
    exporter_with(&USERS, more, &ca.server(), &ca).await
}

async fn asked(exporter: &Exporter, path: &str, login: Option<(&str, &str)>) -> u16 {
    let request = exporter.http.get(format!("{}{path}", exporter.url));
    let request = match login {
        Some((name, password)) => request.basic_auth(name, Some(password)),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let how = answer.headers().get("www-authenticate");
    assert_eq!(how.is_some(), status == 401, "{path}");
    status
}

#[tokio::test]
async fn every_page_asks_for_the_password_and_webhooks_do_not() {
    let exporter = exporter("").await;
    let right = Some(("alice", "open sesame"));
    for path in [
        "/",
        "/metrics",
        "/api/v1/history",
        "/api/v1/insights",
        "/-/healthy",
        "/-/ready",
    ] {
        assert_eq!(asked(&exporter, path, None).await, 401, "{path}");
        assert_eq!(asked(&exporter, path, right).await, 200, "{path}");
    }
    for wrong in [
        ("alice", "open barley"),
        ("alice", ""),
        ("bob", "open sesame"),
        ("", ""),
    ] {
        assert_eq!(
            asked(&exporter, "/metrics", Some(wrong)).await,
            401,
            "{wrong:?}"
        );
    }
    let reload = exporter.http.post(format!("{}/-/reload", exporter.url));
    assert_eq!(reload.send().await.expect("an answer").status(), 401);
    assert_eq!(
        exporter.post_signed(b"{}".to_vec()).await,
        200,
        "Meta cannot log in"
    );
    let metrics = exporter.http.get(format!("{}/metrics", exporter.url));
    let metrics = metrics
        .basic_auth("alice", Some("open sesame"))
        .send()
        .await;
    let text = metrics.expect("an answer").text().await.expect("text");
    let refused =
        r#"whatsapp_exporter_requests_refused_total{listener="web",reason="unauthorized"} 11"#;
    assert!(text.lines().any(|line| line == refused), "{text}");
}

#[tokio::test]
async fn probes_are_open_by_choice() {
    let exporter = exporter("  open_probes: true\n").await;
    for (path, expected) in [
        ("/-/healthy", 200),
        ("/-/ready", 200),
        ("/metrics", 401),
        ("/", 401),
    ] {
        assert_eq!(asked(&exporter, path, None).await, expected, "{path}");
    }
}
