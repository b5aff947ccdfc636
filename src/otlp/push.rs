//! Pushes the page at an interval. What a receiver did not accept is not repeated: the next push has newer values.

use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use tokio::time::{MissedTickBehavior, interval};

use super::message::requests;
use super::text::families;
use crate::clock;
use crate::deliver::{Repeated, SendError, SendFailure, post_and_read};
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
    for failure in SendFailure::ALL {
        start_failure(telemetry, failure.as_str());
    }
    start_failure(telemetry, PAGE);
    telemetry.otlp_rejected.with_label_values::<&str>(&[]);
    let mut ticks = interval(target.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log = Repeated::default();
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        let outcome = push(&target, telemetry, page().await).await;
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

impl From<SendError> for PushError {
    fn from(error: SendError) -> Self {
        Self {
            reason: error.failure.as_str(),
            status: error.status,
        }
    }
}

/// Pushes one page. A request that fails does not stop the next ones; the first error is returned.
async fn push(
    target: &Target,
    telemetry: &Telemetry,
    page: Option<String>,
) -> Result<(), PushError> {
    let unmade = PushError {
        reason: PAGE,
        status: None,
    };
    let Some(page) = page else {
        return Err(unmade);
    };
    let at = clock::now();
    let attributes: Vec<(&str, &str)> = target
        .attributes
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let requests = match families(&page) {
        Ok(families) => requests(families, &attributes, at),
        Err(line) => {
            tracing::error!(
                line = line.0,
                "a line of the own metrics is not in the text format"
            );
            return Err(unmade);
        }
    };
    drop(page);
    let mut outcome = Ok(());
    for request in requests {
        match send(target, &request).await {
            Ok(answer) => note_rejected(telemetry, &answer),
            Err(error) if outcome.is_ok() => outcome = Err(error.into()),
            Err(_) => {}
        }
    }
    outcome
}

async fn send(target: &Target, request: &ExportMetricsServiceRequest) -> Result<Bytes, SendError> {
    let mut headers = target.headers.clone();
    let kind = HeaderValue::from_static("application/x-protobuf");
    headers.insert(CONTENT_TYPE, kind);
    let posted = target.http.post(target.url.clone()).headers(headers);
    let (_, answer) = post_and_read(posted.body(request.encode_to_vec())).await?;
    Ok(answer)
}

/// A receiver may accept a request and reject some of its points.
fn note_rejected(telemetry: &Telemetry, answer: &Bytes) {
    let Ok(answer) = ExportMetricsServiceResponse::decode(answer.clone()) else {
        return;
    };
    let rejected = answer.partial_success.map(|it| it.rejected_data_points);
    let rejected = rejected.and_then(|count| u64::try_from(count).ok());
    if let Some(rejected) = rejected.filter(|count| *count > 0) {
        let counter = &telemetry.otlp_rejected;
        counter.with_label_values::<&str>(&[]).inc_by(rejected);
        tracing::warn!(
            rejected,
            "the OTLP receiver rejected data points; see its log"
        );
    }
}
