//! Creates and registers metrics with the exporter's prefix, and records their declarations.

use std::cell::RefCell;

use prometheus::core::Desc;
use prometheus::proto::MetricType;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// The declaration of a metric, for the documentation and for checks against it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Full name, labels in the order of their declaration, and help.
    pub desc: Desc,
    /// Counter, gauge or histogram.
    pub kind: MetricType,
}

/// Creates and registers metrics with the exporter's prefix. Names and labels are constants of this program, so an
/// error is a bug that every test run finds.
#[derive(Default)]
pub(super) struct Maker {
    pub(super) registry: Registry,
    pub(super) declared: RefCell<Vec<Declared>>,
}

const VALID: &str = "metric names and labels are valid and unique";

impl Maker {
    pub(super) fn opts(name: &str, help: &str) -> Opts {
        Opts::new(format!("whatsapp_exporter_{name}"), help)
    }

    pub(super) fn register<T: prometheus::core::Collector + Clone + 'static>(
        &self,
        metric: prometheus::Result<T>,
    ) -> T {
        let metric = metric.expect(VALID);
        self.declare(&metric);
        self.registry
            .register(Box::new(metric.clone()))
            .expect(VALID);
        metric
    }

    /// Records the declaration of a metric, whose type is known even while it has no series.
    fn declare(&self, metric: &impl prometheus::core::Collector) {
        let kinds = metric.collect();
        for desc in metric.desc() {
            let family = kinds.iter().find(|family| family.name() == desc.fq_name);
            self.declared.borrow_mut().push(Declared {
                desc: desc.clone(),
                kind: family.expect(VALID).get_field_type(),
            });
        }
    }

    /// Metrics of the process: CPU, memory, files, threads, start time. Linux only.
    pub(super) fn process(&self) {
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            self.declare(&process);
            self.registry.register(Box::new(process)).expect(VALID);
        }
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Self::opts(name, help)))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Self::opts(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Self::opts(name, help)))
    }

    pub(super) fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::with_opts(Self::opts(name, help)))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Self::opts(name, help), labels))
    }

    pub(super) fn float_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Self::opts(name, help), labels))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels))
    }
}
