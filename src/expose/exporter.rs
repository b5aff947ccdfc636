//! The exporter itself: the age of its data from state, everything else from its own registry.

use prometheus::proto::{Metric as Sample, MetricFamily, MetricType};

use super::metric::{Kind, metrics};
use super::page::{Entity, Family, Page, Value};
use super::rows::Rows;
use crate::domain::{Collector, Word};
use crate::state::Account;

metrics! {
    BUILD_INFO: Gauge "whatsapp_exporter_build_info" ["version", "revision", "rustversion"]
        "Which build this is. Always 1.";
    LAST_SUCCESS: Gauge "whatsapp_exporter_poll_last_success_timestamp_seconds" ["waba_id", "collector"]
        "When the last complete poll of this account and collector began: the age of its data. Polls run on a schedule of their own, not with scrapes.";
}

/// Writes what the exporter says of itself.
pub(super) fn write(page: &mut Page, accounts: &Rows<'_, Account>, own: &[MetricFamily]) {
    let build = [
        env!("CARGO_PKG_VERSION"),
        env!("BUILD_REVISION"),
        env!("BUILD_RUSTVERSION"),
    ];
    page.family(&BUILD_INFO)
        .sample(&Entity::default(), &build, Value::Whole(1));
    accounts.each(page, &LAST_SUCCESS, |family, entity, account| {
        for collector in Collector::ALL {
            if let Some(at) = account.last_success(*collector) {
                family.sample(entity, &[collector.as_str()], Value::Time(at));
            }
        }
    });
    own.iter().for_each(|family| write_own(page, family));
}

fn write_own(page: &mut Page, family: &MetricFamily) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        _ => Kind::Gauge,
    };
    let mut written = page.family_named(family.name(), kind, family.help(), &[]);
    for sample in family.get_metric() {
        let pairs = sample
            .get_label()
            .iter()
            .map(|pair| (pair.name(), pair.value()));
        let entity = Entity::of(&pairs.collect::<Vec<_>>());
        match kind {
            Kind::Counter => {
                let count = sample.get_counter().get_value();
                written.sample(&entity, &[], Value::Float(count));
            }
            Kind::Gauge => {
                let value = sample.get_gauge().get_value();
                written.sample(&entity, &[], Value::Float(value));
            }
            Kind::Histogram => write_histogram(&mut written, &entity, sample),
        }
    }
}

fn write_histogram(family: &mut Family<'_>, entity: &Entity, sample: &Sample) {
    let histogram = sample.get_histogram();
    for bucket in histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite())
    {
        let bound = bound(bucket.upper_bound());
        let count = Value::Whole(bucket.cumulative_count());
        family.sample_of("_bucket", entity, &[("le", &bound)], count);
    }
    let count = Value::Whole(histogram.get_sample_count());
    family.sample_of("_bucket", entity, &[("le", "+Inf")], count);
    family.sample_of(
        "_sum",
        entity,
        &[],
        Value::Float(histogram.get_sample_sum()),
    );
    family.sample_of("_count", entity, &[], count);
}

/// `1.0` rather than `1`: OpenMetrics wants floats, and one series should not have two names.
fn bound(bound: f64) -> String {
    format!("{bound:?}")
}
