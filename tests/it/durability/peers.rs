//! The peers of an exporter that is killed: a Graph API whose responses differ each time, and an application behind the
//! relay that keeps all deliveries.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::deliveries::{NUMBER, WABA};

/// Records of the peers.
#[derive(Default)]
struct Seen {
    /// Number of listings of numbers. Each has another limit than the one before.
    listings: AtomicU64,
    /// Bodies that the application was sent, in order.
    relayed: Mutex<Vec<String>>,
}

/// Running until dropped.
pub struct Peers {
    pub graph: SocketAddr,
    pub application: SocketAddr,
    seen: Arc<Seen>,
    _runtime: Runtime,
}

impl Peers {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let seen = Arc::new(Seen::default());
        let graph = Router::new().fallback(get(graph_answer));
        let application = Router::new().route("/whatsapp", post(take));
        Self {
            graph: serve(&runtime, graph.with_state(Arc::clone(&seen))),
            application: serve(&runtime, application.with_state(Arc::clone(&seen))),
            seen,
            _runtime: runtime,
        }
    }

    /// How often the limit can have changed by now.
    pub fn limit_changes(&self) -> u64 {
        self.seen.listings.load(Ordering::SeqCst).saturating_sub(1)
    }

    pub fn relayed(&self) -> Vec<String> {
        self.seen.relayed.lock().expect("no panic").clone()
    }
}

fn serve(runtime: &Runtime, routes: Router) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    runtime.spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn graph_answer(State(seen): State<Arc<Seen>>, uri: Uri) -> String {
    let path = uri.path();
    if path.ends_with("/phone_numbers") {
        let is_even = seen
            .listings
            .fetch_add(1, Ordering::SeqCst)
            .is_multiple_of(2);
        let limit = if is_even { "TIER_2K" } else { "TIER_10K" };
        return format!(
            r#"{{"data":[{{"id":"{NUMBER}","display_phone_number":"+1 555-010-0199","whatsapp_business_manager_messaging_limit":"{limit}"}}]}}"#
        );
    }
    if path.ends_with("/message_templates") {
        // Templates come by webhook alone here, and a listing that is not complete hides none.
        return r#"{"data":[],"paging":{"next":"https://graph.example/next"}}"#.to_owned();
    }
    format!(r#"{{"id":"{WABA}","name":"Fern & Moss"}}"#)
}

async fn take(State(seen): State<Arc<Seen>>, body: Bytes) {
    let body = String::from_utf8(body.to_vec()).expect("what was sent was text");
    seen.relayed.lock().expect("no panic").push(body);
}
