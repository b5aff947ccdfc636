//! The rise of opt-outs or failures per message sent.

use super::days::{Period, each};
use super::statistics::{compare, float, ramp, ratio, spread};
use crate::state::{DailyActivity, DailyCount, UtcDay};

/// Minimum number of days of the baseline; with fewer, no value is usual.
pub(super) const MIN_BASELINE_DAYS: usize = 7;

/// Minimum number of messages of a day; with fewer, the rates are noise.
const MIN_MESSAGES: u64 = 20;

/// Events below which a rise is chance.
const MIN_EVENTS: f64 = 5.0;

/// Multiple of the noise at which a rise begins to count, and at which it counts fully. One and a half, because weak
/// evidence of several kinds adds up. Five, because the days of one number vary more than independent random events.
pub(super) const NOISE: (f64, f64) = (1.5, 5.0);

/// Multiple of the usual rate at which a rise begins to count, and at which it counts fully.
const MULTIPLE: (f64, f64) = (1.0, 2.5);

/// The codes whose failures count, with their meaning.
pub(super) const FAILURES: [(DailyCount, &str); 3] = [
    (
        DailyCount::PerUserLimit,
        "131049, too many marketing messages to the customer",
    ),
    (
        DailyCount::MarketingStopped,
        "131050, the customer has stopped marketing messages",
    ),
    (
        DailyCount::Undeliverable,
        "131026, the customer cannot be reached",
    ),
];

/// Part of the rises that templates explain, from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Explained {
    /// Of opt-outs.
    pub opt_outs: f64,
    /// Of failures.
    pub failures: f64,
}

/// A rise within the window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rise {
    /// From 0 to 1.
    pub strength: f64,
    /// Events per message sent, since the rise began.
    pub rate: f64,
    /// Events per message sent in the baseline.
    pub usual: f64,
    /// The day on which the rise began.
    pub since: UtcDay,
    /// Events of each day since then beyond the usual ones.
    pub excess: Vec<(UtcDay, f64)>,
}

/// The most significant rise of these counts that lasts until the fall.
pub(super) fn rise(days: &DailyActivity, period: &Period, counts: &[DailyCount]) -> Option<Rise> {
    let events = |day| counts.iter().map(|what| days.get(day, *what)).sum::<u64>();
    let figures = |day| (float(events(day)), float(days.get(day, DailyCount::Sent)));
    let usable = each(period.baseline())
        .filter(|day| days.get(*day, DailyCount::Sent) >= MIN_MESSAGES)
        .map(figures);
    let usual_days: Vec<(f64, f64)> = usable.collect();
    if usual_days.len() < MIN_BASELINE_DAYS {
        return None;
    }
    let rates: Vec<f64> = usual_days
        .iter()
        .map(|(events, sent)| events / sent)
        .collect();
    let (before, sent_before) = sum(usual_days.iter().copied());
    let (usual, noise_of_days) = (ratio(before, sent_before), spread(&rates));
    let from = |since: UtcDay| {
        let (events, sent) = sum(each(since..=period.last).map(figures));
        let expected = usual * sent;
        let length = f64::from(period.last.since(since) + 1);
        // A single event must not matter, even if none was expected.
        let noise = (expected + 1.0 + (noise_of_days * sent).powi(2) / length).sqrt();
        let multiple = events / expected.max(1.0);
        let significance = (events - expected) / noise;
        let strength =
            ramp(significance, NOISE.0, NOISE.1) * ramp(multiple, MULTIPLE.0, MULTIPLE.1);
        let strength = if events >= MIN_EVENTS { strength } else { 0.0 };
        ([strength, significance], ratio(events, sent), since)
    };
    let starts = each(period.window()).map(from);
    let ([strength, _], rate, since) =
        starts.max_by(|(one, ..), (other, ..)| compare(*one, *other))?;
    let excess = each(since..=period.last).map(|day| {
        let (events, sent) = figures(day);
        (day, (events - usual * sent).max(0.0))
    });
    (strength > 0.0).then(|| Rise {
        strength,
        rate,
        usual,
        since,
        excess: excess.collect(),
    })
}

fn sum(figures: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    figures.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}
