//! Pushes the page at an interval. A failed push is not repeated: the next one has newer values.

use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::message::Requests;
use super::text::{UnreadableLine, families};
use crate::clock;
use crate::deliver::{LogLimiter, SendError, SendFailure, post_and_read};
use crate::telemetry::Telemetry;

/// Reason label of a page that could not be made or read.
const PAGE: &str = "page";

/// Where the page is pushed.
#[derive(Clone, Debug)]
pub struct Target {
    /// URL of the receiver's metrics, with its path.
    pub url: Url,
    /// More headers of each request.
    pub headers: HeaderMap,
    /// The client, with its timeout.
    pub http: Client,
    /// Time between pushes.
    pub interval: Duration,
    /// Attributes of the resource, such as `service.instance.id`.
    pub attributes: Vec<(&'static str, String)>,
}

/// Pushes pages until the future is dropped.
pub async fn push_until<Page>(target: Target, telemetry: &Telemetry, page: impl Fn() -> Page)
where
    Page: Future<Output = Option<String>>,
{
    // Pages are not read from the store.
    let failures = SendFailure::ALL.iter();
    for failure in failures.filter(|failure| **failure != SendFailure::Store) {
        start_failure(telemetry, failure.as_str());
    }
    start_failure(telemetry, PAGE);
    telemetry.otlp_rejected.with_label_values::<&str>(&[]);
    let mut ticks = interval(target.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let [mut log, mut log_rejected] = [LogLimiter::default(), LogLimiter::default()];
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        let mut rejected = 0;
        let outcome = push(&target, page().await, &mut rejected).await;
        let points = telemetry.otlp_rejected.with_label_values::<&str>(&[]);
        points.inc_by(rejected);
        if rejected > 0
            && let Some(suppressed) = log_rejected.next(Instant::now())
        {
            tracing::warn!(
                rejected,
                suppressed,
                "the OTLP receiver rejected data points; see its log"
            );
        }
        match outcome {
            Ok(()) => {
                let last = &telemetry.otlp_last_success;
                let last = last.with_label_values::<&str>(&[]);
                last.set(clock::now().as_seconds_f64());
                if std::mem::take(&mut is_failing) {
                    tracing::info!("the OTLP receiver accepts metrics again");
                }
            }
            Err(PushError { reason, status }) => {
                let failures = &telemetry.otlp_failures;
                failures.with_label_values(&[reason]).inc();
                is_failing = true;
                if let Some(suppressed) = log.next(Instant::now()) {
                    tracing::warn!(
                        reason,
                        status,
                        suppressed,
                        "could not push metrics by OTLP; the next push has newer values"
                    );
                }
            }
        }
    }
}

fn start_failure(telemetry: &Telemetry, reason: &str) {
    telemetry.otlp_failures.with_label_values(&[reason]);
}

/// Why a page was not pushed. Bounded, and without the URL.
struct PushError {
    reason: &'static str,
    status: Option<u16>,
}

impl PushError {
    const PAGE: Self = Self {
        reason: PAGE,
        status: None,
    };
}

impl From<SendError> for PushError {
    fn from(error: SendError) -> Self {
        Self {
            reason: error.failure.as_str(),
            status: error.status,
        }
    }
}

/// Pushes one page, and counts the rejected points, also if a later request fails. The first failure ends it: the next
/// push has newer values.
async fn push(target: &Target, page: Option<String>, rejected: &mut u64) -> Result<(), PushError> {
    let page = page.ok_or(PushError::PAGE)?;
    let attributes = target.attributes.clone();
    // One request waits while another one is sent.
    let (sender, mut bodies) = mpsc::channel(1);
    let making = spawn_blocking(move || make(&page, &attributes, &sender));
    while let Some(body) = bodies.recv().await {
        *rejected += rejected_points(send(target, body).await?);
    }
    match making.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(PushError::PAGE),
    }
}

/// Makes the bodies of a page's requests. After a failure, no body is received any more.
fn make(
    page: &str,
    attributes: &[(&'static str, String)],
    sender: &mpsc::Sender<Vec<u8>>,
) -> Result<(), UnreadableLine> {
    let mut requests = Requests::new(attributes, clock::now());
    let send = |request: ExportMetricsServiceRequest| {
        // An error means that an earlier request has failed.
        drop(sender.blocking_send(request.encode_to_vec()));
    };
    families(page, |family| requests.add(family, send))?;
    requests.finish().into_iter().for_each(send);
    Ok(())
}

async fn send(target: &Target, body: Vec<u8>) -> Result<Bytes, SendError> {
    let mut headers = target.headers.clone();
    let kind = HeaderValue::from_static("application/x-protobuf");
    headers.insert(CONTENT_TYPE, kind);
    let request = target.http.post(target.url.clone()).headers(headers);
    let (_, answer) = post_and_read(request.body(body)).await?;
    Ok(answer)
}

/// A receiver may accept a request and reject some of its points.
fn rejected_points(answer: Bytes) -> u64 {
    let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
    let rejected = answer.partial_success.map(|it| it.rejected_data_points);
    rejected.map_or(0, |count| u64::try_from(count).unwrap_or(0))
}
