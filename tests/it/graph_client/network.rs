//! Requests without a response: each cause is its own kind, with the system's message and without secrets.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use whatsapp_business_exporter::domain::Word as _;
use whatsapp_business_exporter::ingest::graph::{Failure, FailureKind};

use crate::support::ports::unused_address;
use crate::support::reader::{Reader, options};
use crate::support::tls::untrusted_server;

const TOKEN: &str = "EAAG-made-up";
const SECRET: &str = "made-up-secret";

async fn failure_at(url: &str) -> Failure {
    let mut options = options(url);
    options.access_token = TOKEN.into();
    options.app_secret = Some(SECRET.into());
    let reader = Reader::new(options);
    let failure = reader.account().await.expect_err("nobody answers");
    let output = format!("{failure} {failure:?}");
    for secret in [TOKEN, SECRET, "appsecret_proof=", "access_token", "://"] {
        assert!(!output.contains(secret), "{output}");
    }
    assert_eq!(reader.failures("account", failure.kind().as_str()), 1.0);
    failure
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let failure = failure_at("https://no-such-host.invalid").await;
    assert_eq!(failure.kind(), FailureKind::NameResolution);
    assert!(
        failure
            .cause()
            .is_some_and(|cause| cause.starts_with("dns error")),
        "{failure}"
    );
}

#[tokio::test]
async fn a_closed_port() {
    let failure = failure_at(&format!("http://{}", unused_address())).await;
    assert_eq!(failure.kind(), FailureKind::Connection);
    assert!(
        failure.to_string().contains("Connection refused"),
        "{failure}"
    );
}

#[tokio::test]
async fn an_untrusted_certificate() {
    let address = untrusted_server().await;
    let failure = failure_at(&format!("https://{address}")).await;
    assert_eq!(failure.kind(), FailureKind::Tls, "{failure} {failure:?}");
    assert!(failure.to_string().contains("certificate"), "{failure}");
}

#[tokio::test]
async fn a_server_without_tls() {
    let (listener, address) = bound().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    });
    let failure = failure_at(&format!("https://{address}")).await;
    assert_eq!(failure.kind(), FailureKind::Tls, "{failure} {failure:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_off() {
    let (listener, address) = bound().await;
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let failure = failure_at(&format!("http://{address}")).await;
    assert_eq!(failure.kind(), FailureKind::Connection);
}
