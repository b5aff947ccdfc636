//! The headers of every response.

use super::authority::Authority;
use super::exporter_with;

const PATHS: [&str; 5] = ["/", "/metrics", "/-/healthy", "/webhook", "/nowhere"];

#[tokio::test]
async fn every_response_has_security_headers_and_none_names_the_server() {
    let ca = Authority::new();
    let exporter = exporter_with("", "", &ca.server(), &ca).await;
    for path in PATHS {
        let answer = exporter
            .http
            .get(format!("{}{path}", exporter.url))
            .send()
            .await;
        let headers = answer.expect("an answer").headers().clone();
        let is = |name: &str, part: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            assert!(
                value.is_some_and(|value| value.contains(part)),
                "{path} {name}: {value:?}"
            );
        };
        is("content-security-policy", "default-src 'none'");
        is("content-security-policy", "frame-ancestors 'none'");
        is("x-content-type-options", "nosniff");
        is("x-frame-options", "deny");
        is("referrer-policy", "no-referrer");
        is("cache-control", "no-store");
        assert!(headers.get("server").is_none() && headers.get("x-powered-by").is_none());
    }
}

#[tokio::test]
async fn the_operator_has_the_last_word() {
    let ca = Authority::new();
    let file = "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    \
                Strict-Transport-Security: max-age=31536000\n";
    let exporter = exporter_with(file, "", &ca.server(), &ca).await;
    let answer = exporter.http.get(format!("{}/", exporter.url)).send().await;
    let headers = answer.expect("an answer").headers().clone();
    assert_eq!(headers["x-frame-options"], "sameorigin");
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(headers["x-content-type-options"], "nosniff");
}
