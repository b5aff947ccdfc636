//! Compares stored and exported figures with the counts of the simulated Meta.

use std::collections::HashMap;

use whatsapp_business_exporter::domain::insights::Stage;
use whatsapp_business_exporter::domain::{TemplateId, Timestamp, Word as _};
use whatsapp_business_exporter::simulator::World;
use whatsapp_business_exporter::simulator::graph::has_buttons;
use whatsapp_business_exporter::simulator::world::TemplateCounts;
use whatsapp_business_exporter::store::Store;

use super::timed_meta::TimedMeta;
use super::{DAY, NUMBERS, TEMPLATES, number_id, scrape, template_id};
use crate::support::meta::WABA;
use crate::support::scrape::Scrape;
use crate::support::waba;

/// Every sample of a page by its series as written: searching the text for each would take minutes.
struct Samples(HashMap<String, f64>);

impl Samples {
    pub(super) fn new(page: &Scrape) -> Self {
        let lines = page.0.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, value)| format!(",{label}=\"{value}\""));
        let labels: String = labels.collect();
        let series = format!("{name}{{waba_id=\"{WABA}\"{labels}}}");
        self.0.get(&series).copied()
    }
}

/// The counts of a stage. `None` where the simulated Meta does not report it: see its `analytics.rs`.
fn of_stage(counts: TemplateCounts, template_id: &str, stage: Stage) -> Option<u64> {
    match stage {
        Stage::Sent => Some(counts.sent),
        Stage::Delivered => Some(counts.delivered),
        Stage::Read => Some(counts.read),
        Stage::Clicked => has_buttons(template_id).then_some(counts.clicked),
        Stage::Replied => (!template_id.ends_with('3')).then_some(counts.replied),
        Stage::Other => None,
    }
}

/// Compares `/metrics` with the counts of `day`, the last complete one. Returns the number of compared samples.
pub(super) fn compare_metrics(meta: &TimedMeta, store: &Store, day: i64, now: i64) -> usize {
    let page = scrape(store, now);
    let shown = Samples::new(&page);
    let span = (day, day + DAY);
    let mut compared = 0;
    for which in 0..TEMPLATES {
        let id = template_id(which);
        let label = [("template_id", id.as_str())];
        let (counts, ever) = meta.handle.look(|world| {
            let counts = world.messages.template_counts(&id, span, Some(now));
            let ever = (day + DAY - 90 * DAY, day + DAY);
            (counts, world.messages.template_counts(&id, ever, None).sent)
        });
        let start = shown.value(
            "whatsapp_message_template_daily_start_timestamp_seconds",
            &label,
        );
        #[expect(clippy::cast_precision_loss, reason = "a date")]
        let expected = (ever > 0).then_some(day as f64);
        assert_eq!(start, expected, "{id} on day {day}");
        if ever == 0 {
            continue;
        }
        for stage in Stage::REPORTED {
            let labels = [label[0], ("stage", stage.as_str())];
            let value = shown.value("whatsapp_message_template_daily_messages", &labels);
            let mut expected = of_stage(counts, &id, stage);
            // A day without messages has no data point, so only the stages that every template has are zero.
            if counts.sent == 0 && matches!(stage, Stage::Clicked | Stage::Replied) {
                expected = None;
            }
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let expected = expected.map(|count| count as f64);
            assert_eq!(value, expected, "{id} {stage:?} on day {day}");
            compared += 1;
        }
        let cost = shown.value(
            "whatsapp_message_template_daily_cost",
            &[label[0], ("currency", "EUR")],
        );
        #[expect(clippy::cast_precision_loss, reason = "small amounts")]
        let expected = (counts.spent > 0).then_some(counts.spent as f64 / 1e6);
        assert_eq!(cost, expected, "{id} on day {day}");
    }
    compared + compare_numbers(meta, &shown, span)
}

fn compare_numbers(meta: &TimedMeta, shown: &Samples, span: (i64, i64)) -> usize {
    let mut compared = 0;
    for which in 0..NUMBERS {
        let id = number_id(which);
        let delivered = meta
            .handle
            .look(|world| world.messages.delivered_counts(&id, span));
        let mut total = 0.0;
        for ((category, pricing_type), counts) in &delivered {
            let labels = [
                ("phone_number_id", id.as_str()),
                ("category", category.as_str()),
                ("pricing_type", pricing_type.as_str()),
            ];
            let volume = shown.value("whatsapp_phone_number_daily_volume", &labels);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let (expected, cost) = (counts.volume as f64, counts.cost as f64 / 1e6);
            assert_eq!(volume, Some(expected), "{labels:?} on {span:?}");
            let with_currency = [&labels[..], &[("currency", "EUR")]].concat();
            let shown_cost = shown.value("whatsapp_phone_number_daily_cost", &with_currency);
            assert_eq!(shown_cost, Some(cost), "{labels:?} on {span:?}");
            total += expected;
            compared += 2;
        }
        let prefix = "whatsapp_phone_number_daily_volume{";
        let of_number = format!("phone_number_id=\"{id}\"");
        let samples = shown.0.iter();
        let samples =
            samples.filter(|(series, _)| series.starts_with(prefix) && series.contains(&of_number));
        let sum: f64 = samples.map(|(_, value)| value).sum();
        assert!((sum - total).abs() < 0.5, "{id}: other prices are not zero");
    }
    compared
}

/// Compares the stored figures of a day that no longer moves.
pub(super) fn compare_stored(meta: &TimedMeta, store: &Store, day: i64) {
    let account = store.account(&waba()).expect("it is watched");
    for which in 0..TEMPLATES {
        let id = template_id(which);
        let truth = |world: &World| world.messages.template_counts(&id, (day, day + DAY), None);
        let truth = meta.handle.look(truth);
        let known = account
            .template_insights(&TemplateId::parse(&id).expect("digits"))
            .and_then(|insights| {
                let start = Timestamp::from_seconds(day);
                insights.days().iter().find(|known| known.start == start)
            });
        let Some(known) = known else {
            assert_eq!(truth.sent, 0, "{id} on day {day} is missing");
            continue;
        };
        for stage in Stage::REPORTED {
            let expected = of_stage(truth, &id, stage);
            assert_eq!(
                known.figures.stage(stage),
                expected,
                "{id} {stage:?} on day {day}"
            );
        }
        assert_eq!(
            known.figures.spent.unwrap_or(0),
            truth.spent,
            "{id} on day {day}"
        );
    }
}
