//! `POST /-/reload`: off by default, one at a time, and only a few per minute.
//!
//! As in Prometheus, access to the listener alone does not allow controlling the process. SIGHUP does the same and is
//! always enabled.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::gate::{Gate, LIFECYCLE_DISABLED, RELOAD_RATE};

/// Average interval between reloads. A reload reads every file and compares every account.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum burst of reloads: a person who corrects a file, or several tools that each change one.
const RELOAD_BURST: NonZeroU32 = NonZeroU32::new(5).expect("it is not 0");

/// A request to reload the configuration, with the channel for its result.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// State of the lifecycle endpoints.
#[derive(Debug)]
pub(super) struct Lifecycle {
    gate: Arc<Gate>,
    reload: mpsc::Sender<ReloadRequest>,
    rate: DefaultDirectRateLimiter,
    under_way: Semaphore,
}

impl Lifecycle {
    pub fn new(gate: Arc<Gate>, reload: mpsc::Sender<ReloadRequest>) -> Arc<Self> {
        let quota = Quota::with_period(RELOAD_INTERVAL).expect("it is not 0");
        Arc::new(Self {
            gate,
            reload,
            rate: RateLimiter::direct(quota.allow_burst(RELOAD_BURST)),
            under_way: Semaphore::new(1),
        })
    }

    fn refuse_for_now(&self, wait: Duration) -> Response {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let text = "too many reloads; SIGHUP is not limited";
        let mut refusal =
            self.gate
                .refuse_with_text(RELOAD_RATE, StatusCode::TOO_MANY_REQUESTS, text);
        let headers = refusal.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        refusal
    }
}

/// Reloads the configuration, and responds after it is in force.
pub(super) async fn reload(State(lifecycle): State<Arc<Lifecycle>>) -> Response {
    if !lifecycle.gate.allows_lifecycle() {
        let text = "Lifecycle API is not enabled. Send SIGHUP, or set web.enable_lifecycle: true or \
                    --web.enable-lifecycle and restart or send SIGHUP.";
        return lifecycle
            .gate
            .refuse_with_text(LIFECYCLE_DISABLED, StatusCode::FORBIDDEN, text);
    }
    let Ok(_under_way) = lifecycle.under_way.try_acquire() else {
        return lifecycle.refuse_for_now(Duration::from_secs(1));
    };
    if let Err(too_early) = lifecycle.rate.check() {
        return lifecycle.refuse_for_now(too_early.wait_time_from(DefaultClock::default().now()));
    }
    let stopping = || (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    let (answer, outcome) = oneshot::channel();
    if lifecycle.reload.send(answer).await.is_err() {
        return stopping();
    }
    match outcome.await {
        Ok(Ok(())) => "configuration reloaded\n".into_response(),
        Ok(Err(errors)) => {
            let text =
                format!("could not reload the configuration; keeping the current one:\n{errors}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        Err(_) => stopping(),
    }
}
