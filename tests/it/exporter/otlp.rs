//! The push by OTLP: to a receiver that keeps everything, and to a real collector.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use prost::Message;
use tokio::net::TcpListener;
use whatsapp_business_exporter::ingest::graph::http_client;
use whatsapp_business_exporter::otlp::{Target, push_until};
use whatsapp_business_exporter::telemetry::Telemetry;

use super::meta::{Exporter, SELDOM, WABA, config_file, small_world};
use crate::process::{Process, SOON, until};
use crate::support::ports::unused_address;

/// By name and labels: the value. A histogram has its sum and its count.
type Series = BTreeMap<String, f64>;

/// The response of the receiver, and its requests.
#[derive(Default)]
struct Receiver {
    status: u16,
    rejected: i64,
    requests: Vec<(HeaderMap, ExportMetricsServiceRequest)>,
}

type Shared = Arc<Mutex<Receiver>>;

async fn receive(
    State(receiver): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let request = ExportMetricsServiceRequest::decode(body).expect("a request of OTLP");
    let mut receiver = receiver.lock().expect("no test panics while it reads");
    receiver.requests.push((headers, request));
    let partial = ExportMetricsPartialSuccess {
        rejected_data_points: receiver.rejected,
        error_message: String::new(),
    };
    let answer = ExportMetricsServiceResponse {
        partial_success: Some(partial),
    };
    let status = StatusCode::from_u16(receiver.status).expect("a status");
    (status, answer.encode_to_vec())
}

async fn receiver() -> (Shared, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let shared = Shared::default();
    shared.lock().expect("nobody else").status = 200;
    let router = Router::new().route("/v1/metrics", post(receive));
    let router = router.with_state(Arc::clone(&shared));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (shared, address)
}

fn file(address: SocketAddr, more: &str) -> String {
    let watched = config_file(SELDOM, &[WABA]);
    format!("otlp:\n  endpoint: http://{address}\n  interval: 1s\n{more}{watched}")
}

fn named(name: &str, attributes: &[KeyValue]) -> String {
    let labels = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        match value {
            Some(Value::StringValue(text)) => (attribute.key.clone(), text.clone()),
            other => panic!("{other:?}"),
        }
    });
    let labels: BTreeMap<String, String> = labels.collect();
    format!("{name}{labels:?}")
}

fn pushed(metric: &Metric, series: &mut Series) {
    let name = &metric.name;
    let mut numbers = |points: &[NumberDataPoint], is_cumulative: bool| {
        for point in points {
            let has_start = point.start_time_unix_nano > 0;
            assert!(point.start_time_unix_nano <= point.time_unix_nano, "{name}");
            assert_eq!(has_start, is_cumulative, "{name}");
            let Some(number_data_point::Value::AsDouble(value)) = point.value else {
                panic!("{point:?}");
            };
            assert!(point.time_unix_nano > 0);
            let before = series.insert(named(name, &point.attributes), value);
            assert_eq!(before, None, "{name} is pushed twice");
        }
    };
    match metric.data.as_ref().expect("data") {
        Data::Gauge(gauge) => numbers(&gauge.data_points, false),
        Data::Sum(sum) => numbers(&sum.data_points, true),
        Data::Histogram(histogram) => {
            for point in &histogram.data_points {
                assert!(point.start_time_unix_nano > 0, "{name}");
                let all: u64 = point.bucket_counts.iter().sum();
                assert_eq!(all, point.count, "{name}");
                assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                let sum = point.sum.expect("a sum");
                series.insert(named(&format!("{name}_sum"), &point.attributes), sum);
                let count = u32::try_from(point.count).expect("few");
                let key = named(&format!("{name}_count"), &point.attributes);
                series.insert(key, count.into());
            }
        }
        other => panic!("{other:?}"),
    }
}

/// The series of a page without those about the exporter itself, which change with every request.
fn scraped(page: &str) -> Series {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter(|line| is_compared(line) && !line.contains("_bucket{"));
    let series = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}').split("\",");
        let labels = labels.filter_map(|label| {
            let (name, value) = label.split_once("=\"")?;
            let value = value.trim_end_matches('"');
            (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
        });
        let labels: BTreeMap<String, String> = labels.collect();
        (
            format!("{name}{labels:?}"),
            value.parse().expect("a number"),
        )
    });
    series.collect()
}

fn is_compared(series: &str) -> bool {
    !["whatsapp_exporter_", "process_"]
        .iter()
        .any(|own| series.starts_with(own))
}

async fn settled(what: &str, mut ask: impl AsyncFnMut() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(why) = ask().await {
        assert!(began.elapsed() < SOON * 3, "{what}: {why}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where a push differs from a scrape. Ratios of the past time differ a little.
fn differences(scraped: &Series, pushed: &Series) -> Vec<String> {
    let is_near = |one: f64, other: f64| (one - other).abs() < 1e-4;
    let scraped = scraped.iter().filter_map(|(key, value)| {
        let other = pushed.get(key);
        let is_there = other.is_some_and(|other| is_near(*value, *other));
        (!is_there).then(|| format!("{key}: scraped {value}, pushed {other:?}"))
    });
    scraped.collect()
}

#[tokio::test]
async fn a_push_has_what_a_scrape_has() {
    let (receiver, address) = receiver().await;
    let more = "  headers_file: headers\n";
    let files = [("headers", "Authorization: Bearer otlp-secret\n")];
    let exporter = Exporter::with_files(
        small_world(),
        &file(address, more),
        "sqlite::memory:",
        &files,
    )
    .await;
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    let last = "whatsapp_exporter_otlp_last_success_timestamp_seconds";
    settled("a push like the scrape", async || {
        let page = scraped(&exporter.get("/metrics").await);
        let last = receiver.lock().expect("it").requests.last().cloned();
        let (headers, request) = last.ok_or("no push")?;
        assert_eq!(headers["authorization"], "Bearer otlp-secret");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let resource = &request.resource_metrics[0];
        let own = &resource.resource.as_ref().expect("a resource").attributes;
        assert!(named("", own).contains("\"service.name\": \"whatsapp-business-exporter\""));
        let mut series = Series::new();
        for metric in &resource.scope_metrics[0].metrics {
            assert!(!metric.description.is_empty(), "{metric:?}");
            if is_compared(&metric.name) {
                pushed(metric, &mut series);
            }
        }
        assert!(page.len() > 100, "{}", page.len());
        let different = [differences(&page, &series), differences(&series, &page)].concat();
        different.first().cloned().map_or(Ok(()), Err)
    })
    .await;
    assert!(exporter.value(last).await.expect("a time") > 0.0);
}

#[tokio::test]
async fn rejected_points_and_failures_are_counted_by_reason() {
    let (receiver, address) = receiver().await;
    let exporter = Exporter::configured(small_world(), &file(address, "")).await;
    let failures =
        |reason: &str| format!("whatsapp_exporter_otlp_push_failures_total{{reason=\"{reason}\"}}");
    for (status, reason) in [
        (503, "unavailable"),
        (400, "client_error"),
        (307, "redirect"),
    ] {
        receiver.lock().expect("it").status = status;
        exporter.until_above(&failures(reason), 1.0).await;
    }
    {
        let mut receiver = receiver.lock().expect("it");
        (receiver.status, receiver.rejected) = (200, 3);
    }
    let rejected = "whatsapp_exporter_otlp_points_rejected_total";
    exporter.until_above(rejected, 3.0).await;
    let count = exporter.value(rejected).await.expect("a count");
    assert!(count % 3.0 == 0.0, "each push adds 3: {count}");
    // A reload ends the push, and its series.
    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    settled("the end of the series", async || {
        let page = exporter.get("/metrics").await;
        let line = page
            .lines()
            .find(|line| line.contains("whatsapp_exporter_otlp_"));
        line.map_or(Ok(()), |line| Err(line.to_owned()))
    })
    .await;
    let pushes = receiver.lock().expect("it").requests.len();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(receiver.lock().expect("it").requests.len(), pushes);
}

/// A page of several requests: the first has rejected points, and the second is refused.
#[tokio::test]
async fn rejected_points_count_although_a_later_request_fails() {
    let requests = Arc::new(AtomicUsize::new(0));
    let answer = move || {
        let is_first = requests.fetch_add(1, Ordering::Relaxed) == 0;
        let partial = ExportMetricsPartialSuccess {
            rejected_data_points: 5,
            error_message: String::new(),
        };
        let response = ExportMetricsServiceResponse {
            partial_success: Some(partial),
        };
        let status = match is_first {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        std::future::ready((status, response.encode_to_vec()))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}/").parse().expect("a URL");
    let target = Target {
        http: http_client(&url, SOON).expect("a client"),
        url,
        headers: HeaderMap::new(),
        interval: Duration::from_secs(3_600),
        attributes: Vec::new(),
    };
    let lines = (0..100_000).map(|number| format!("some_metric{{label=\"{number}\"}} 1\n"));
    let page = format!(
        "# TYPE some_metric gauge\n{}# EOF\n",
        lines.collect::<String>()
    );
    let telemetry = Telemetry::new();
    let rejected = telemetry.otlp_rejected.with_label_values::<&str>(&[]);
    let refused = telemetry.otlp_failures.with_label_values(&["unavailable"]);
    let counted = settled("a refused request", async || match refused.get() {
        1 => Ok(()),
        count => Err(count.to_string()),
    });
    let page = || std::future::ready(Some(page.clone()));
    tokio::select! {
        () = push_until(target, &telemetry, page) => {}
        () = counted => {}
    }
    assert_eq!(rejected.get(), 5);
}

/// A collector from PyPI, which prints what it receives.
fn collector(http: SocketAddr, grpc: SocketAddr) -> Process {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../venv/bin/python3");
    let mut command = Command::new(venv);
    command
        .args(["-c", "import os, sys, rotel; a = os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent'); os.execv(a, [a] + sys.argv[1:])"])
        .args(["start", "--exporter", "blackhole"])
        .args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"])
        .arg(format!("--otlp-http-endpoint={http}"))
        .arg(format!("--otlp-grpc-endpoint={grpc}"))
        .stdin(Stdio::null());
    Process::start(&mut command).unwrap_or_else(|error| {
        panic!("{error}: run `make test`, or install rotel into target/venv with pip")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_collector_understands_it() {
    let address = unused_address();
    let collector = collector(address, unused_address());
    let exporter = Exporter::configured(small_world(), &file(address, "")).await;
    for collector in ["numbers", "account", "templates"] {
        exporter.until_polled(WABA, collector).await;
    }
    tokio::task::spawn_blocking(move || {
        for text in [
            "service.name: Str(whatsapp-business-exporter)",
            "Name: whatsapp_phone_number_quality_rating",
            "quality_rating: Str(GREEN)",
            "Name: whatsapp_exporter_poll_duration_seconds",
            "DataType: Histogram",
        ] {
            until(text, SOON * 3, || {
                let out = collector.out();
                if out.contains(text) {
                    Ok(())
                } else {
                    Err(out.chars().take(400).collect())
                }
            });
        }
    })
    .await
    .expect("it prints all");
}
