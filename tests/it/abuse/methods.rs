//! Requests that no client of the exporter makes.

use std::io::{Read, Write};

use reqwest::Method;

use super::Target;
use crate::http::connect;

const ROUTES: [(&str, &[&str]); 11] = [
    ("/", &["GET", "HEAD"]),
    ("/metrics", &["GET", "HEAD"]),
    ("/api/v1/history", &["GET", "HEAD"]),
    ("/api/v1/status", &["GET", "HEAD"]),
    ("/api/v1/explain", &["GET", "HEAD"]),
    ("/api/v1/experiments", &["GET", "HEAD"]),
    ("/-/healthy", &["GET", "HEAD"]),
    ("/-/ready", &["GET", "HEAD"]),
    ("/-/reload", &["POST"]),
    ("/webhook", &["GET", "HEAD", "POST"]),
    ("/v1/events", &["POST"]),
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_answered_with_the_allowed_ones() {
    let target = Target::start(&[]);
    for (path, allowed) in ROUTES {
        for method in METHODS.iter().filter(|method| !allowed.contains(method)) {
            let name = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = target.http.request(name, target.url(path)).send().await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.status(), 405, "{method} {path}");
            let says = answer.headers().get("allow").expect("which would be right");
            for right in allowed {
                assert!(
                    says.to_str().is_ok_and(|says| says.contains(right)),
                    "{path}: {says:?}"
                );
            }
        }
    }
    target.is_well(1).await;
}

#[test]
fn input_that_is_not_http_is_rejected_and_closed() {
    let target = Target::start(&[]);
    let long_line = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let long_header = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(100_000)
    );
    let many = "X: y\r\n".repeat(1_000);
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    for (request, expected) in [
        ("\0\0\0\0\r\n\r\n", "400"),
        ("GET\r\n\r\n", "400"),
        ("GET / HTTP/9.9\r\n\r\n", "400"),
        (&long_line, "4"),
        (&long_header, "431"),
        (&many_headers, "431"),
        (
            "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n",
            "400",
        ),
        (
            "POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: x\r\n\r\nzz\r\n",
            "400",
        ),
    ] {
        let mut stream = connect(target.address).expect("a connection");
        // The response may come before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.strip_prefix("HTTP/1.1 ").unwrap_or_default();
        let shown: String = request.chars().take(60).collect();
        assert!(status.starts_with(expected), "{shown:?}: {answer}");
    }
    target.is_within_its_memory();
}
