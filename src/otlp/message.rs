//! Makes OTLP requests of families. Pure.
//!
//! Every value is a double, as in Prometheus: a series whose values change between whole numbers and fractions would be
//! two series to some receivers.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::text::{Family, Kind, Sample};
use crate::domain::Timestamp;

/// Maximum size of a request's points in bytes. Receivers accept 4 MiB by default.
const MAX_BYTES: usize = 2 * 1024 * 1024;

type Labels = Vec<(String, String)>;

/// Makes requests of families that are added one after the other, so that only one request is held at a time.
pub(super) struct Requests<'a> {
    /// Attributes of the resource, which describe the exporter.
    attributes: &'a [(&'static str, String)],
    /// Time of the values in Unix nanoseconds.
    at: u64,
    metrics: Vec<Metric>,
    bytes: usize,
}

impl<'a> Requests<'a> {
    /// Requests without a family.
    pub fn new(attributes: &'a [(&'static str, String)], at: Timestamp) -> Self {
        Self {
            attributes,
            at: nanoseconds(at),
            metrics: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a family. Each request that is full goes to `send`.
    pub fn add(&mut self, family: Family, mut send: impl FnMut(ExportMetricsServiceRequest)) {
        let Family {
            name,
            help,
            kind,
            samples,
        } = family;
        let at = self.at;
        let numbers = |samples: Vec<Sample>| -> Vec<NumberDataPoint> {
            let points = samples.into_iter().map(|sample| number(sample, at));
            points.collect()
        };
        let names = (name.as_str(), help.as_str());
        match kind {
            Kind::Gauge => self.add_points(names, numbers(samples), &mut send, |data_points| {
                Data::Gauge(Gauge { data_points })
            }),
            Kind::Counter => self.add_points(names, numbers(samples), &mut send, |data_points| {
                Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: true,
                })
            }),
            Kind::Histogram => {
                let points = histograms(samples, at);
                self.add_points(names, points, &mut send, |data_points| {
                    Data::Histogram(Histogram {
                        data_points,
                        aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    })
                });
            }
        }
    }

    /// The last request. `None` if there is nothing left.
    pub fn finish(mut self) -> Option<ExportMetricsServiceRequest> {
        (!self.metrics.is_empty()).then(|| self.take())
    }

    fn add_points<T: Message>(
        &mut self,
        (name, help): (&str, &str),
        points: Vec<T>,
        send: &mut impl FnMut(ExportMetricsServiceRequest),
        data: impl Fn(Vec<T>) -> Data,
    ) {
        let metric = |points| Metric {
            name: name.to_owned(),
            description: help.to_owned(),
            data: Some(data(points)),
            ..Metric::default()
        };
        let mut part = Vec::new();
        for point in points {
            let size = point.encoded_len();
            if self.bytes + size > MAX_BYTES {
                if !part.is_empty() {
                    self.metrics.push(metric(std::mem::take(&mut part)));
                }
                if !self.metrics.is_empty() {
                    send(self.take());
                }
            }
            self.bytes += size;
            part.push(point);
        }
        if !part.is_empty() {
            self.metrics.push(metric(part));
        }
    }

    fn take(&mut self) -> ExportMetricsServiceRequest {
        self.bytes = 0;
        request(std::mem::take(&mut self.metrics), self.attributes)
    }
}

fn number(sample: Sample, at: u64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(sample.labels),
        start_time_unix_nano: start(sample.created),
        time_unix_nano: at,
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    }
}

/// The parts of one histogram: buckets by upper bound, sum, and count.
#[derive(Default)]
struct Buckets {
    cumulative: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
    created: Option<f64>,
}

fn histograms(samples: Vec<Sample>, at: u64) -> Vec<HistogramDataPoint> {
    let mut places: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut found: Vec<(Labels, Buckets)> = Vec::new();
    for Sample {
        suffix,
        mut labels,
        value,
        created,
    } in samples
    {
        let bound = labels.iter().position(|(name, _)| name == "le");
        let bound = bound.map(|place| labels.remove(place).1);
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            found.push((labels.clone(), Buckets::default()));
            found.len() - 1
        });
        let (_, buckets) = &mut found[place];
        buckets.created = created.or(buckets.created);
        match (suffix.as_str(), bound.and_then(|text| text.parse().ok())) {
            ("_bucket", Some(bound)) => buckets.cumulative.push((bound, value)),
            ("_sum", _) => buckets.sum = value,
            ("_count", _) => buckets.count = value,
            _ => {}
        }
    }
    let points = found.into_iter();
    points
        .map(|(labels, buckets)| histogram(labels, &buckets, at))
        .collect()
}

/// OTLP counts each bucket by itself, and leaves out the last bound, which is infinite.
fn histogram(labels: Labels, buckets: &Buckets, at: u64) -> HistogramDataPoint {
    let bounds = buckets.cumulative.iter().map(|(bound, _)| *bound);
    let mut below = 0.0;
    let counts = buckets.cumulative.iter().map(|(_, up_to)| {
        let own = whole(*up_to - below);
        below = *up_to;
        own
    });
    HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: start(buckets.created),
        time_unix_nano: at,
        count: whole(buckets.count),
        sum: Some(buckets.sum),
        bucket_counts: counts.collect(),
        explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
        ..HistogramDataPoint::default()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, which is whole and not negative"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

/// An empty value is an absent label, as in Prometheus.
fn attributes(labels: Labels) -> Vec<KeyValue> {
    let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
    labels.map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(key: String, value: String) -> KeyValue {
    KeyValue {
        key,
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

fn request(
    metrics: Vec<Metric>,
    attributes: &[(&'static str, String)],
) -> ExportMetricsServiceRequest {
    let attributes = attributes.iter();
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes
                    .map(|(name, value)| attribute((*name).to_owned(), value.clone()))
                    .collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// Start time of a cumulative value in Unix nanoseconds. 0 is OTLP's form of an unknown one.
fn start(created: Option<f64>) -> u64 {
    // Whole milliseconds: a double does not hold nanoseconds of this century.
    created.map_or(0, |seconds| whole((seconds * 1000.0).round()) * 1_000_000)
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0) * 1_000_000
}

#[cfg(test)]
mod tests;
