//! The number itself as a cause: opt-outs and failures that follow no template, slow responses, and journeys.

use super::days::{Period, each};
use super::explanation::{Cause, CauseKind, Evidence, EvidenceKind, cause};
use super::history::NumberHistory;
use super::rise::{Explained, FAILURES, MIN_BASELINE_DAYS, NOISE, Rise, rise};
use super::statistics::{float, median, ramp, ratio, spread};
use super::words::{duration, percent};
use crate::state::{DailyActivity, DailyCount, UtcDay};

/// Minimum number of first responses or sessions of a day; with fewer, the average is noise.
const MIN_A_DAY: u64 = 5;

/// Minimum number of first responses or sessions since the rise; with fewer, the rise may be chance.
const MIN_SINCE: f64 = 20.0;

/// Multiple of the usual wait at which it begins to count, and at which it counts fully.
const WAIT_MULTIPLE: (f64, f64) = (1.25, 3.0);

/// Part of the usual wait that is always noise: the response time of a team varies from week to week.
const WAIT_NOISE: f64 = 0.1;

/// Additional share of abandoned sessions at which it begins to count, and at which it counts fully.
const DROP_OFF: (f64, f64) = (0.03, 0.2);

/// Share of sessions that is always noise.
const DROP_OFF_NOISE: f64 = 0.01;

/// The causes that are not templates.
pub(super) fn causes(
    history: &NumberHistory,
    period: &Period,
    explained: Explained,
) -> impl Iterator<Item = Cause> {
    let days = &history.days;
    let opt_outs = rise(days, period, &[DailyCount::OptOut]);
    let opt_outs = opt_outs.map(|rise| {
        let what = "customers who stopped marketing messages";
        rise_evidence(EvidenceKind::OptOuts, what, &rise, explained.opt_outs)
    });
    let failures = FAILURES.into_iter().filter_map(|(count, meaning)| {
        let rise = rise(days, period, &[count])?;
        let what = format!("failures with {meaning},");
        let kind = EvidenceKind::Failures;
        Some(rise_evidence(kind, &what, &rise, explained.failures))
    });
    let found = [
        (CauseKind::OptOuts, opt_outs.into_iter().collect()),
        (CauseKind::Failures, failures.collect()),
        (
            CauseKind::ResponseTime,
            response_time(days, period).into_iter().collect(),
        ),
        (
            CauseKind::Journeys,
            drop_off(days, period).into_iter().collect(),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(kind, evidence)| cause(kind, 1.0, evidence))
}

/// Counts as far as no template explains it.
fn rise_evidence(kind: EvidenceKind, what: &str, rise: &Rise, explained: f64) -> Evidence {
    Evidence {
        kind,
        message: format!(
            "{what} rose to {} of the messages sent, usually {}",
            percent(rise.rate),
            percent(rise.usual)
        ),
        value: Some(rise.rate),
        usual: Some(rise.usual),
        at: Some(rise.since.start()),
        strength: rise.strength * (1.0 - explained),
    }
}

/// An average per event of a day, compared with its usual value.
struct Shift {
    value: f64,
    usual: f64,
    /// The difference as a multiple of the noise.
    significance: f64,
    since: UtcDay,
}

/// The most significant shift of `amount` per `events` that lasts until the fall. `noise_of` is the variance of an
/// average of so many events.
fn shift(
    days: &DailyActivity,
    period: &Period,
    (amount, events): (DailyCount, DailyCount),
    noise_of: impl Fn(f64, f64) -> f64,
) -> Option<Shift> {
    let figures = |day| (float(days.get(day, amount)), float(days.get(day, events)));
    let usual_days = each(period.baseline()).filter(|day| days.get(*day, events) >= MIN_A_DAY);
    let averages: Vec<f64> = usual_days
        .map(figures)
        .map(|(amount, events)| amount / events)
        .collect();
    let usual = median(&averages).filter(|_| averages.len() >= MIN_BASELINE_DAYS)?;
    let noise_of_days = spread(&averages);
    let from = |since: UtcDay| {
        let sums = each(since..=period.last).map(figures);
        let (amount, events) = sums.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let value = ratio(amount, events);
        let length = f64::from(period.last.since(since) + 1);
        let noise = (noise_of_days.powi(2) / length + noise_of(usual, events)).sqrt();
        (events >= MIN_SINCE).then(|| Shift {
            value,
            usual,
            significance: ratio(value - usual, noise),
            since,
        })
    };
    each(period.window()).filter_map(from).reduce(|best, next| {
        if next.significance > best.significance {
            next
        } else {
            best
        }
    })
}

fn response_time(days: &DailyActivity, period: &Period) -> Option<Evidence> {
    let counts = (DailyCount::FirstResponseSeconds, DailyCount::FirstResponse);
    // For very short usual waits, a difference of a second must not matter.
    let noise = |usual: f64, _| (WAIT_NOISE * usual).powi(2) + 1.0;
    let shift = shift(days, period, counts, noise)?;
    let multiple = ratio(shift.value, shift.usual.max(1.0));
    Some(Evidence {
        kind: EvidenceKind::ResponseTime,
        message: format!(
            "customers waited {} for the first response on average, usually {}",
            duration(shift.value),
            duration(shift.usual)
        ),
        value: Some(shift.value),
        usual: Some(shift.usual),
        at: Some(shift.since.start()),
        strength: ramp(shift.significance, NOISE.0, NOISE.1)
            * ramp(multiple, WAIT_MULTIPLE.0, WAIT_MULTIPLE.1),
    })
}

fn drop_off(days: &DailyActivity, period: &Period) -> Option<Evidence> {
    let counts = (DailyCount::JourneyAbandoned, DailyCount::JourneyStarted);
    let noise = |usual: f64, events: f64| {
        let usual = usual.clamp(0.0, 1.0);
        usual * (1.0 - usual) / events + DROP_OFF_NOISE.powi(2)
    };
    let shift = shift(days, period, counts, noise)?;
    Some(Evidence {
        kind: EvidenceKind::JourneyDropOff,
        message: format!(
            "{} of the sessions of journeys were abandoned, usually {}",
            percent(shift.value),
            percent(shift.usual)
        ),
        value: Some(shift.value),
        usual: Some(shift.usual),
        at: Some(shift.since.start()),
        strength: ramp(shift.significance, NOISE.0, NOISE.1)
            * ramp(shift.value - shift.usual, DROP_OFF.0, DROP_OFF.1),
    })
}
