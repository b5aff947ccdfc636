//! Renders the exporter's own metrics: the age of its data from the state, everything else from its registry.

use prometheus::proto::{Metric as Sample, MetricFamily, MetricType};

use super::Options;
use super::metric::{MetricKind, metrics};
use super::page::{COUNT, EntityLabels, Family, Page, SampleValue};
use crate::domain::{Assignments, Collector, Timestamp, Word};
use crate::state::Accounts;

metrics! {
    BUILD_INFO: Gauge "whatsapp_exporter_build_info" ["version", "revision", "rustversion"]
        "Build information. Always 1.";
    LAST_SUCCESS: Gauge "whatsapp_exporter_poll_last_success_timestamp_seconds" ["app", "waba_id", "collector"]
        "Start time of the last complete poll of this account and collector. Polls run on their own schedule, not with scrapes.";
    UNMATCHED: Gauge "whatsapp_exporter_webhook_unmatched" ["waba_id"]
        "Number of webhook events on hold because no phone number in a later complete listing matches their digits. Absent before the first complete listing.";
    WATCHED: Gauge "whatsapp_exporter_accounts" ["app", "source"]
        "Number of accounts that the app watches, by source: listed in the configuration, granted to the token, or found in a business portfolio. Excludes lost accounts.";
}

/// A metric of the registry.
const PROCESS_START: &str = "process_start_time_seconds";

/// Writes the exporter's own metrics.
pub(super) fn write(
    page: &mut Page,
    accounts: &Accounts,
    assignments: &Assignments,
    own: &[MetricFamily],
    options: &Options,
) {
    let build = [
        env!("CARGO_PKG_VERSION"),
        env!("BUILD_REVISION"),
        env!("BUILD_RUSTVERSION"),
    ];
    page.family(&BUILD_INFO)
        .sample(&EntityLabels::default(), &build, SampleValue::Whole(1));
    write_last_success(page, accounts, assignments, options);
    let mut unmatched = page.family(&UNMATCHED);
    for (waba_id, account) in accounts {
        if account.last_success(Collector::Numbers).is_some() {
            let count = SampleValue::Whole(account.unmatched().count() as u64);
            let entity = EntityLabels::new(&[("waba_id", waba_id.as_str())]);
            unmatched.sample(&entity, &[], count);
        }
    }
    let mut watched = page.family(&WATCHED);
    for (app, source, count) in assignments.counts() {
        watched.sample(
            &EntityLabels::default(),
            &[app, source],
            SampleValue::Whole(count as u64),
        );
    }
    let started = process_start(own);
    for family in own {
        write_own(page, family, started);
    }
}

fn write_last_success(
    page: &mut Page,
    accounts: &Accounts,
    assignments: &Assignments,
    options: &Options,
) {
    // The state keeps the times of polls from before insights were disabled.
    let is_polled = |one: &&Collector| **one != Collector::Insights || options.polls_insights;
    let mut family = page.family(&LAST_SUCCESS);
    for (waba_id, account) in accounts {
        // A drill's account has no app.
        let app = assignments.app_of(waba_id).map_or("", AsRef::as_ref);
        let entity = EntityLabels::new(&[("app", app), ("waba_id", waba_id.as_str())]);
        for collector in Collector::ALL.iter().filter(is_polled) {
            if let Some(at) = account.last_success(*collector) {
                family.sample(&entity, &[collector.as_str()], SampleValue::Time(at));
            }
        }
    }
}

/// Start of the process, at which the counters of its registry were 0. `None` where the system does not report it.
fn process_start(own: &[MetricFamily]) -> Option<Timestamp> {
    let family = own.iter().find(|family| family.name() == PROCESS_START)?;
    let sample = family.get_metric().first()?;
    let milliseconds = sample.get_gauge().get_value() * 1000.0;
    #[expect(clippy::cast_possible_truncation, reason = "a time of this century")]
    Some(Timestamp::from_millis(milliseconds as i64))
}

fn write_own(page: &mut Page, family: &MetricFamily, started: Option<Timestamp>) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => MetricKind::Counter,
        MetricType::HISTOGRAM => MetricKind::Histogram,
        _ => MetricKind::Gauge,
    };
    let mut written = page.family_named(family.name(), kind, family.help(), &[]);
    for sample in family.get_metric() {
        let pairs = sample
            .get_label()
            .iter()
            .map(|pair| (pair.name(), pair.value()));
        let entity = EntityLabels::new(&pairs.collect::<Vec<_>>()).created(started);
        match kind {
            MetricKind::Counter => {
                let count = sample.get_counter().get_value();
                written.sample(&entity, &[], SampleValue::Float(count));
            }
            MetricKind::Gauge => {
                let value = sample.get_gauge().get_value();
                written.sample(&entity, &[], SampleValue::Float(value));
            }
            MetricKind::Histogram => write_histogram(&mut written, &entity, sample),
        }
    }
}

fn write_histogram(family: &mut Family<'_>, entity: &EntityLabels, sample: &Sample) {
    let histogram = sample.get_histogram();
    for bucket in histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite())
    {
        let bound = bound(bucket.upper_bound());
        let count = SampleValue::Whole(bucket.cumulative_count());
        family.sample_of("_bucket", entity, &[("le", &bound)], count);
    }
    let count = SampleValue::Whole(histogram.get_sample_count());
    family.sample_of("_bucket", entity, &[("le", "+Inf")], count);
    family.sample_of(
        "_sum",
        entity,
        &[],
        SampleValue::Float(histogram.get_sample_sum()),
    );
    family.sample_of(COUNT, entity, &[], count);
}

/// `1.0` rather than `1`: OpenMetrics expects floats, and one series must not have two names.
fn bound(bound: f64) -> String {
    format!("{bound:?}")
}
