//! The read rate of each template against its own median.
//!
//! In a holiday week, customers read fewer messages of all templates. So the loss that all templates share is
//! subtracted before one of them counts as a cause.

use std::collections::BTreeMap;

use super::days::{Period, each};
use super::explanation::{Evidence, EvidenceKind};
use super::history::TemplateHistory;
use super::rise::{MIN_BASELINE_DAYS, NOISE};
use super::statistics::{compare, float, median, ramp, ratio, spread};
use super::words::percent;
use crate::state::UtcDay;

/// Minimum number of delivered messages of a day; with fewer, the rate is noise.
const MIN_DELIVERED: u64 = 20;

/// Minimum number of delivered messages since the drop; with fewer, the drop may be chance.
const MIN_SINCE: f64 = 50.0;

/// Minimum number of templates for a common loss.
const MIN_TEMPLATES: usize = 4;

/// Part of the usual rate that is lost when a drop begins to count, and when it counts fully.
const DROP: (f64, f64) = (0.03, 0.2);

/// Rate that is always noise.
const RATE_NOISE: f64 = 0.01;

/// The least noise between templates: each has its own audience.
const NOISE_BETWEEN: f64 = 0.08;

/// Factor for a template without earlier figures, which is compared with the other templates.
const BY_OTHERS: f64 = 0.5;

/// What is usual for a template.
struct Usual {
    rate: f64,
    /// The variance between days.
    noise_of_days: f64,
    is_own: bool,
}

/// A drop of the read rate since some day.
struct Drop {
    strength: f64,
    significance: f64,
    rate: f64,
    usual: f64,
    since: UtcDay,
}

/// The finding about the read rate of a template.
#[derive(Default)]
pub(super) struct Finding {
    /// The drop.
    pub evidence: Option<Evidence>,
    /// Whether it is known to be read as usual, which makes it a less likely cause.
    pub is_usual: bool,
}

/// The findings for each template, in their order.
pub(super) fn read_rates(templates: &[TemplateHistory], period: &Period) -> Vec<Finding> {
    let own: Vec<Option<Usual>> = templates.iter().map(|one| own_usual(one, period)).collect();
    let by_others = usual_of_others(&own);
    let common = common_losses(templates, &own, period);
    let findings = templates.iter().zip(&own).map(|(template, own)| {
        let Some(usual) = own.as_ref().or(by_others.as_ref()) else {
            return Finding::default();
        };
        let starts = each(period.first()..=period.last_whole);
        let drops = starts.filter_map(|since| drop_since(since, template, usual, &common));
        let order = |drop: &Drop| [drop.strength, drop.significance];
        let most = drops.max_by(|one, other| compare(order(one), order(other)));
        Finding {
            is_usual: usual.is_own && most.as_ref().is_some_and(|drop| drop.strength <= 0.0),
            evidence: most
                .filter(|drop| drop.strength > 0.0)
                .as_ref()
                .map(evidence),
        }
    });
    findings.collect()
}

fn own_usual(template: &TemplateHistory, period: &Period) -> Option<Usual> {
    let days = template.days_in(period.baseline());
    let rates: Vec<f64> = days
        .filter(|(_, day)| day.delivered >= MIN_DELIVERED)
        .map(|(_, day)| float(day.read) / float(day.delivered))
        .collect();
    let rate = median(&rates).filter(|_| rates.len() >= MIN_BASELINE_DAYS)?;
    Some(Usual {
        rate,
        noise_of_days: spread(&rates).powi(2),
        is_own: true,
    })
}

fn usual_of_others(own: &[Option<Usual>]) -> Option<Usual> {
    let rates: Vec<f64> = own.iter().flatten().map(|usual| usual.rate).collect();
    let rate = median(&rates).filter(|_| rates.len() >= MIN_TEMPLATES)?;
    Some(Usual {
        rate,
        noise_of_days: spread(&rates).max(NOISE_BETWEEN).powi(2),
        is_own: false,
    })
}

/// The part of its usual rate that the median template lost on each day of the window. A day without enough templates
/// counts as usual, unless its messages are still being read: then it is left out.
fn common_losses(
    templates: &[TemplateHistory],
    own: &[Option<Usual>],
    period: &Period,
) -> BTreeMap<UtcDay, f64> {
    let losses = each(period.first()..=period.last_whole).filter_map(|date| {
        let lost = templates.iter().zip(own).filter_map(|(template, usual)| {
            let day = template.day(date)?;
            let rate = float(day.read) / float(day.delivered);
            let is_enough = day.delivered >= MIN_DELIVERED;
            is_enough.then_some(1.0 - ratio(rate, usual.as_ref()?.rate))
        });
        let lost: Vec<f64> = lost.collect();
        let common = median(&lost).filter(|_| lost.len() >= MIN_TEMPLATES);
        let common = common.or((date <= period.last_read).then_some(0.0))?;
        Some((date, common.clamp(0.0, 0.9)))
    });
    losses.collect()
}

/// The drop of the read rate from this day on. `None` with too few messages.
fn drop_since(
    since: UtcDay,
    template: &TemplateHistory,
    usual: &Usual,
    common: &BTreeMap<UtcDay, f64>,
) -> Option<Drop> {
    let (mut delivered, mut read, mut expected, mut days) = (0.0, 0.0, 0.0, 0.0);
    for (date, lost) in common.range(since..) {
        if let Some(day) = template.day(*date) {
            delivered += float(day.delivered);
            read += float(day.read);
            expected += float(day.delivered) * usual.rate * (1.0 - lost);
            days += 1.0;
        }
    }
    if delivered < MIN_SINCE {
        return None;
    }
    let (rate, expected) = (read / delivered, expected / delivered);
    // The noise between days averages out over days; that between templates does not.
    let repeated = if usual.is_own { days } else { 1.0 };
    let noise = (usual.noise_of_days / repeated
        + (expected * (1.0 - expected)).max(0.0) / delivered
        + RATE_NOISE.powi(2))
    .sqrt();
    let lost = 1.0 - ratio(rate, expected);
    let significance = (expected - rate) / noise;
    let strength = ramp(significance, NOISE.0, NOISE.1) * ramp(lost, DROP.0, DROP.1);
    Some(Drop {
        strength: strength * if usual.is_own { 1.0 } else { BY_OTHERS },
        significance,
        rate,
        usual: usual.rate,
        since,
    })
}

fn evidence(drop: &Drop) -> Evidence {
    Evidence {
        kind: EvidenceKind::ReadRate,
        message: format!(
            "{} of the delivered messages were read, usually {}",
            percent(drop.rate),
            percent(drop.usual)
        ),
        value: Some(drop.rate),
        usual: Some(drop.usual),
        at: Some(drop.since.start()),
        strength: drop.strength,
    }
}
