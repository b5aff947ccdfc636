//! Small inputs that need much memory: nested JSON, long lists, and compressed responses of the Graph API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use tower_http::compression::CompressionLayer;

use super::{PATIENCE, Target};
use crate::http::metrics;
use crate::process::{program, until};

/// Size of the chunks of a response of 64 MiB.
const CHUNK: usize = 1024 * 1024;
const CHUNKS: usize = 64;

fn delivery(value: &str) -> Vec<u8> {
    let head = r#"{"object":"whatsapp_business_account","entry":[{"id":"800100200300401","time":1774000000,"changes":["#;
    format!(r#"{head}{value}]}}]}}"#).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_any_depth_is_read_or_refused() {
    let target = Target::start(&[]);
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let depth = 500_000;
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let field = format!(r#"{{"field":"account_alerts","value":{nested}}}"#);
        let status = target.deliver(delivery(&field)).await;
        assert!([200, 400].contains(&status), "{status}");
        let status = target.deliver(nested.into_bytes()).await;
        assert!([200, 400].contains(&status), "{status}");
    }
    let unclosed = "[".repeat(3 * 1024 * 1024);
    assert_eq!(target.deliver(unclosed.into_bytes()).await, 400);
    target.is_well(1).await;
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_read_to_their_end() {
    let target = Target::start(&[]);
    // Four megabytes of the shortest values.
    for item in ["1", "{}", r#"{"field":"x"}"#, r#"{"field":"x","value":1}"#] {
        let count = 4_000_000 / (item.len() + 1);
        let list = vec![item; count].join(",");
        assert_eq!(target.deliver(delivery(&list)).await, 200, "{item}");
    }
    target.is_well(1).await;
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_graph_api_that_unpack_without_end_are_broken_off() {
    let unpacked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&unpacked);
    let bomb = move || {
        let counted = Arc::clone(&counted);
        async move {
            let zeros = Bytes::from(vec![b'0'; CHUNK]);
            let chunks = (0..CHUNKS).map(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(zeros.clone())
            });
            (
                [("content-type", "application/json")],
                Body::from_stream(Chunks(chunks)),
            )
                .into_response()
        }
    };
    let routes = Router::new().fallback(bomb).layer(CompressionLayer::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let graph = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let variables = [
        ("WHATSAPP_ACCESS_TOKEN", "token"),
        ("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "verify"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", "800100200300401"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base_url = format!("--graph.base-url=http://{graph}");
    // Less than the default, so that a busy machine is done in time.
    let flags = [
        "serve",
        &base_url,
        "--web.listen-address=127.0.0.1:0",
        "--graph.max-answer-bytes=2MiB",
    ];
    let exporter = program(&flags, &variables);
    let address = exporter.address_after("the status page address=");
    let failed = r#"whatsapp_exporter_poll_up{app="default",collector="numbers",waba_id="800100200300401"} 0"#;
    let seen = tokio::task::spawn_blocking(move || {
        until("the polls to fail", PATIENCE, || {
            let text = metrics(address)?;
            let found = text.lines().any(|line| line == failed);
            if found { Ok(()) } else { Err(text) }
        });
    });
    seen.await.expect("the polls fail");
    assert!(
        unpacked.load(Ordering::Relaxed) > 16,
        "it has begun to read"
    );
    super::is_within_its_memory(&exporter);
}

/// An iterator as a stream that is always ready.
struct Chunks<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Chunks<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
