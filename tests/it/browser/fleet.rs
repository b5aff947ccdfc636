//! The search field and the pages of a fleet, used by a browser as a reader does.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use whatsapp_business_exporter::simulator::World;
use whatsapp_business_exporter::simulator::world::FleetSize;

use super::aside;
use super::chromium::{Scheme, Seen, measure, open};
use crate::exporter::meta::{Exporter, SELDOM};
use crate::support::assert_none;

const FLEET: FleetSize = FleetSize {
    accounts: 45,
    numbers: 1,
    templates: 3,
};

/// Submits the search, as a reader does who types it.
const SEARCH: &str = "document.forms[0].q.value = '+1 555-01000-0033'; document.forms[0].submit()";
/// Follows the link to the next page.
const NEXT: &str = "document.querySelector('a[rel=next]').click()";

/// Serves the pages of an exporter as it does, and acts on the first one with a script that the browser may run. The
/// exporter's own policy allows none.
#[derive(Clone)]
struct Reader {
    exporter: String,
    script: &'static str,
}

impl Reader {
    async fn start(self) -> (SocketAddr, DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        let router = Router::new().fallback(forward).with_state(self);
        let server = axum::serve(listener, router);
        let server = server.with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(server.into_future());
        (address, stop.drop_guard())
    }
}

async fn forward(State(reader): State<Reader>, uri: Uri) -> Response {
    let page = reqwest::get(format!("{}{uri}", reader.exporter)).await;
    let page = page.expect("the exporter answers");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY.as_str()].clone();
    let policy = policy.to_str().expect("text").to_owned();
    let mut body = page.text().await.expect("text");
    if uri.query().is_none() {
        body = body.replace(
            "</body>",
            &format!("<script>{}</script></body>", reader.script),
        );
    }
    let policy = HeaderValue::from_str(&format!("{policy}; script-src 'unsafe-inline'"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, policy.expect("text")),
    ];
    (headers, body).into_response()
}

/// The page of the browser after the script has acted on the first page.
async fn seen_after(script: &'static str) -> Seen {
    let exporter = Exporter::watching(World::fleet(FLEET), SELDOM).await;
    let exporter_url = exporter.url.clone();
    let reader = Reader {
        exporter: exporter_url,
        script,
    };
    let (address, _stop) = reader.start().await;
    let url = format!("http://{address}/");
    aside(move || open(&url, Scheme::Light)).await
}

#[tokio::test]
async fn a_reader_searches_for_a_phone_number() {
    let seen = seen_after(SEARCH).await;
    assert!(seen.console.is_empty(), "{:#?}", seen.console);
    assert!(seen.dom.contains("1 account found for"), "{}", seen.dom);
    let shown = seen.dom.matches("id=\"account-").count();
    assert_eq!(shown, 1, "{}", seen.dom);
    assert!(seen.dom.contains("account-801000000000033"), "{}", seen.dom);
}

#[tokio::test]
async fn a_reader_turns_to_the_next_page() {
    let seen = seen_after(NEXT).await;
    assert!(seen.console.is_empty(), "{:#?}", seen.console);
    assert!(seen.dom.contains("Accounts 21 to 40 of 45"), "{}", seen.dom);
    assert!(seen.dom.contains("Previous page"), "{}", seen.dom);
}

#[tokio::test]
async fn the_search_field_is_readable_at_every_width() {
    let exporter = Exporter::watching(World::fleet(FLEET), SELDOM).await;
    let page = exporter.get("/?q=shop").await;
    let measured = aside(move || measure(&page, &[320, 360, 768, 1_200], Scheme::Dark)).await;
    let complaints = measured.iter().filter(|one| !one.complaints.is_empty());
    let complaints: Vec<String> = complaints
        .map(|one| format!("{}: {:?}", one.width, one.complaints))
        .collect();
    assert_none(&complaints);
}
