//! A minimal Meta: responds from a script and records the requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;

use crate::domain::{AppId, WabaId};
use crate::ingest::graph::{Calls, Client, ClientOptions, Usage};
use crate::telemetry::Telemetry;

pub const TOKEN: &str = "EAAtoken";
pub const SECRET: &str = "app-secret";
pub const OWN_APP: &str = "600100";

/// One scripted answer.
pub struct ScriptedAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl ScriptedAnswer {
    pub fn json(body: &Value) -> Self {
        Self::text(200, body.to_string())
    }

    pub fn text(status: u16, body: impl Into<Body>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A Graph error, with the status that Meta uses for nearly all of them.
    pub fn error(error: &Value) -> Self {
        Self::text(400, json!({ "error": error }).to_string())
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// One received request.
#[derive(Clone)]
pub struct ReceivedRequest {
    pub uri: Uri,
    pub headers: HeaderMap,
    pub query: BTreeMap<String, String>,
}

impl ReceivedRequest {
    pub fn fields(&self) -> Vec<&str> {
        self.query["fields"].split(',').collect()
    }
}

/// Only a failure takes as long.
const RESPONDS_WITHIN: Duration = Duration::from_secs(60);

/// The server, its client, and the budget between them.
pub struct Meta {
    pub client: Arc<Client>,
    pub telemetry: Arc<Telemetry>,
    pub calls: Counted,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl Meta {
    /// Gives these responses in this order, then 404.
    pub async fn answering(script: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        let script = Mutex::new(script.into_iter().collect::<VecDeque<_>>());
        let answer: Answerer = Arc::new(move |_| {
            let next = script.lock().expect("no panic").pop_front();
            Box::pin(std::future::ready(next.unwrap_or_else(|| {
                ScriptedAnswer::text(404, "the script is over")
            })))
        });
        Self::with(answer, RESPONDS_WITHIN).await
    }

    /// Gives the response that `answer` returns for the request.
    pub async fn by_question<F>(
        answer: impl Fn(ReceivedRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ScriptedAnswer> + Send + 'static,
    {
        let answer: Answerer = Arc::new(move |question| Box::pin(answer(question.clone())));
        Self::with(answer, RESPONDS_WITHIN).await
    }

    /// Accepts requests and never responds.
    pub async fn silent() -> Self {
        let answer: Answerer = Arc::new(|_| Box::pin(std::future::pending()));
        Self::with(answer, Duration::from_millis(500)).await
    }

    async fn with(answer: Answerer, request_timeout: Duration) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let remember = Arc::clone(&received);
        let app = Router::new()
            .fallback(move |request| handle(request, Arc::clone(&remember), Arc::clone(&answer)))
            .layer(CompressionLayer::new());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let telemetry = Arc::new(Telemetry::new());
        let options = ClientOptions {
            base_url: format!("http://{address}/").parse().expect("a URL"),
            api_version: "v26.0".to_owned(),
            access_token: SecretString::from(TOKEN),
            app_secret: Some(SecretString::from(SECRET)),
            app_id: AppId::parse(OWN_APP),
            request_timeout,
            max_answer_bytes: 64 * 1024,
        };
        Self {
            client: Arc::new(Client::new(options, Arc::clone(&telemetry)).expect("a client")),
            telemetry,
            calls: Counted::default(),
            received,
        }
    }

    pub fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().expect("no panic").clone()
    }

    /// Failures counted at this endpoint for this reason.
    pub fn failures(&self, endpoint: &str, reason: &str) -> u64 {
        self.telemetry
            .graph_request_failures
            .with_label_values(&[endpoint, reason])
            .get()
    }
}

type Answerer = Arc<
    dyn Fn(&ReceivedRequest) -> std::pin::Pin<Box<dyn Future<Output = ScriptedAnswer> + Send>>
        + Send
        + Sync,
>;

async fn handle(
    request: Request,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    answer: Answerer,
) -> Response {
    let question = ReceivedRequest {
        query: Query::try_from_uri(request.uri()).expect("a query").0,
        uri: request.uri().clone(),
        headers: request.headers().clone(),
    };
    received.lock().expect("no panic").push(question.clone());
    let answer = answer(&question).await;
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    for (name, value) in answer.headers {
        let value = HeaderValue::from_str(&value).expect("a header");
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// A budget that counts calls, and that may be used up.
#[derive(Default)]
pub struct Counted {
    pub taken: Mutex<usize>,
    pub at_most: Option<usize>,
    pub usage: Mutex<Vec<Usage>>,
}

impl Calls for Counted {
    fn may_call(&self) -> bool {
        let mut taken = self.taken.lock().expect("no panic");
        let may = self.at_most.is_none_or(|most| *taken < most);
        *taken += usize::from(may);
        may
    }

    fn used(&self, usage: &Usage) {
        self.usage.lock().expect("no panic").push(*usage);
    }
}

pub fn waba() -> WabaId {
    WabaId::parse("800100").expect("digits")
}

/// A page of objects with these ids, and the cursor of the next page if there is one.
pub fn page(ids: std::ops::Range<u64>, next: Option<&str>) -> ScriptedAnswer {
    let node = |id: u64| json!({"id": id.to_string(), "whatsapp_business_manager_messaging_limit": "TIER_2K"});
    let data: Vec<Value> = ids.map(node).collect();
    let mut page = json!({"data": data, "paging": {"cursors": {"before": "A", "after": "LAST"}}});
    if let Some(after) = next {
        page["paging"]["cursors"]["after"] = json!(after);
        page["paging"]["next"] = json!("http://attacker.invalid/steal?after=X");
    }
    ScriptedAnswer::json(&page)
}
