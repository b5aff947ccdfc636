//! Times of answers, and which of them are slow: computed by a second implementation.

use std::collections::BTreeMap;

use super::customer::Truth;

/// An answer: its time, how long it took, and the labels of its step.
pub(super) struct Answer {
    pub(super) at: i64,
    pub(super) took: i64,
    pub(super) labels: String,
}

/// Bounds of the buckets of `whatsapp_journey_step_seconds`.
const BOUNDS: [i64; 10] = [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

/// The 90th percentile of these times in seconds, as Prometheus computes it of a histogram.
fn usual(buckets: &[u32; BOUNDS.len()]) -> f64 {
    let rank = 0.9 * f64::from(buckets.iter().sum::<u32>());
    let mut below = 0.0;
    for (place, count) in buckets.iter().enumerate() {
        let count = f64::from(*count);
        if below + count >= rank {
            let start = if place == 0 { 0 } else { BOUNDS[place - 1] };
            let width = (BOUNDS[place] - start) as f64;
            return start as f64 + width * (rank - below) / count;
        }
        below += count;
    }
    unreachable!("no answer takes an hour");
}

/// Adds the sums of the answers, and those that were slow by the answers of earlier hours.
pub(super) fn add_times(mut answers: Vec<Answer>, truth: &mut Truth) {
    answers.sort_by_key(|answer| answer.at);
    let mut steps: BTreeMap<String, (i64, Option<f64>, [u32; BOUNDS.len()])> = BTreeMap::new();
    for Answer { at, took, labels } in answers {
        let series = |metric: &str| format!("whatsapp_journey_step_seconds_{metric}{{{labels}}}");
        *truth.entry(series("sum")).or_default() += took as f64;
        *truth.entry(series("count")).or_default() += 1.0;
        let slow = format!(r#"whatsapp_journey_step_confused_total{{{labels},reason="slow"}}"#);
        let (hour, limit, buckets) = steps.entry(labels.clone()).or_default();
        if at / 3_600 > *hour {
            *hour = at / 3_600;
            let enough = buckets.iter().sum::<u32>() >= 30;
            *limit = enough.then(|| 3.0 * usual(buckets));
        }
        if limit.is_some_and(|limit| took as f64 > limit) {
            *truth.entry(slow).or_default() += 1.0;
        }
        let place = BOUNDS.iter().position(|bound| took <= *bound);
        buckets[place.expect("no answer takes an hour")] += 1;
    }
}
