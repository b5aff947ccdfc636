//! The real client of the Graph API, connected to a simulated Meta or to a server that only records requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Uri, header};
use tokio::net::TcpListener;
use whatsapp_business_exporter::domain::access::{Subscription, Token};
use whatsapp_business_exporter::domain::{AppId, WabaId, account, insights, number, template};
use whatsapp_business_exporter::expose::{self, Selection, TextFormat};
use whatsapp_business_exporter::ingest::graph::{
    Calls, Client, ClientOptions, Failure, Listed, Usage,
};
use whatsapp_business_exporter::ingest::poll::{InsightsPlan, read_insights};
use whatsapp_business_exporter::state::State;
use whatsapp_business_exporter::telemetry::Telemetry;

use super::meta::Meta;
use super::scrape::Scrape;
use super::{ALL_TEMPLATES, NO_APPS, at, waba};

/// Time limit of a request. Only a response that is late on purpose exceeds it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client with its metrics, and a budget that only records calls.
pub struct Reader {
    client: Client,
    telemetry: Arc<Telemetry>,
    pub budget: Budget,
}

impl Reader {
    /// A client with this world's credentials.
    pub fn for_meta(meta: &Meta) -> Self {
        Self::with(meta, |_| {})
    }

    /// The same, but for what `change` changes.
    pub fn with(meta: &Meta, change: impl FnOnce(&mut ClientOptions)) -> Self {
        let mut options = options(meta.graph_url());
        meta.look(|world| {
            options.access_token = world.app.token.text.clone().into();
            options.app_secret = Some(world.app.secret.clone().into());
            options.app_id = AppId::parse(&world.app.id);
        });
        change(&mut options);
        Self::new(options)
    }

    pub fn new(options: ClientOptions) -> Self {
        let telemetry = Arc::new(Telemetry::new());
        Self {
            client: Client::new(options, Arc::clone(&telemetry)).expect("a client"),
            telemetry,
            budget: Budget::default(),
        }
    }

    pub async fn account(&self) -> Result<account::Snapshot, Failure> {
        self.client.read_account(&waba(), &self.budget).await
    }

    pub async fn numbers(&self) -> Listed<number::Snapshot> {
        self.client.list_numbers(&waba(), &self.budget).await
    }

    pub async fn templates(&self) -> (Listed<template::Snapshot>, template::Totals) {
        self.client.list_templates(&waba(), &self.budget).await
    }

    /// Reads the planned insights of the account.
    pub async fn insights(&self, plan: &InsightsPlan) -> (insights::Snapshot, Option<Failure>) {
        read_insights(plan, &self.client, &waba(), &self.budget).await
    }

    /// Reads the object with this id instead of the account.
    pub async fn account_of(&self, id: &str) -> Result<account::Snapshot, Failure> {
        self.client.read_account(&waba_id(id), &self.budget).await
    }

    pub async fn numbers_of(&self, id: &str) -> Listed<number::Snapshot> {
        self.client.list_numbers(&waba_id(id), &self.budget).await
    }

    pub async fn templates_of(&self, id: &str) -> (Listed<template::Snapshot>, template::Totals) {
        self.client.list_templates(&waba_id(id), &self.budget).await
    }

    pub async fn token(&self) -> Result<Token, Failure> {
        self.client.read_token(&self.budget).await
    }

    pub async fn subscription(&self) -> Result<Option<Subscription>, Failure> {
        self.client.read_subscription(&self.budget).await
    }

    pub fn forget(&self, id: &str) {
        self.client.forget_account(&waba_id(id));
    }

    /// The metrics of the client.
    pub fn counted(&self) -> Scrape {
        let (state, own) = (State::default(), self.telemetry.gather());
        Scrape(
            expose::render(
                state.accounts(),
                &NO_APPS,
                &own,
                at(0),
                &ALL_TEMPLATES,
                Selection::default(),
                TextFormat::Text,
            )
            .text,
        )
    }

    pub fn failures(&self, endpoint: &str, reason: &str) -> f64 {
        self.counted().count(
            "whatsapp_exporter_graph_request_failures_total",
            &[("endpoint", endpoint), ("reason", reason)],
        )
    }
}

fn waba_id(id: &str) -> WabaId {
    WabaId::parse(id).expect("an id")
}

/// Options without credentials worth keeping.
pub fn options(base_url: &str) -> ClientOptions {
    ClientOptions {
        base_url: base_url.parse().expect("a URL"),
        api_version: "v25.0".into(),
        access_token: "nobody".into(),
        app_secret: None,
        app_id: None,
        request_timeout: PATIENCE,
        max_answer_bytes: 1 << 20,
    }
}

/// Grants every call unless it is spent, and keeps what the client passes on.
#[derive(Default)]
pub struct Budget {
    pub is_spent: bool,
    pub told: Mutex<Vec<Usage>>,
}

impl Calls for Budget {
    fn may_call(&self) -> bool {
        !self.is_spent
    }

    fn used(&self, usage: &Usage) {
        self.told.lock().expect("no test panics here").push(*usage);
    }
}

/// A server that responds to every request with an empty list, and records it.
pub struct Scribe {
    pub url: String,
    asked: Arc<Mutex<Vec<(Uri, HeaderMap)>>>,
}

impl Scribe {
    pub async fn start() -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let answer = move |uri: Uri, headers: HeaderMap| {
            notes
                .lock()
                .expect("no test panics here")
                .push((uri, headers));
            let json = [(header::CONTENT_TYPE, "application/json")];
            std::future::ready((json, r#"{"data":[]}"#))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = axum::serve(listener, Router::new().fallback(answer));
        tokio::spawn(server.into_future());
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<(Uri, HeaderMap)> {
        self.asked.lock().expect("no test panics here").clone()
    }
}
