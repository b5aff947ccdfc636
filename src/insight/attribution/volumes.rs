//! The messages sent with each template, and the parts of a rise on their days.

use super::days::{Period, each};
use super::history::{TemplateHistory, first_known_day};
use super::statistics::{float, ratio};
use super::{BASELINE, WINDOW};
use crate::state::UtcDay;

/// Of the customers who react to a message, the shares that do so on the same day, on the next day, and on the day
/// after.
const REACTIONS: [f64; 3] = [0.6, 0.3, 0.1];

/// The part of a rise on the days of a template, and the template's share of the messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surplus {
    /// Part of the rise.
    pub of_rise: f64,
    /// Share of the messages.
    pub of_messages: f64,
}

impl Surplus {
    /// The part of the rise beyond the template's share of the messages, relative to its maximum.
    pub fn part(self) -> f64 {
        ratio(self.of_rise - self.of_messages, 1.0 - self.of_messages).clamp(0.0, 1.0)
    }
}

/// The messages of each template by day.
pub(super) struct Volumes {
    first: UtcDay,
    /// For each template, its messages on each day from `first` until the fall. Empty if unknown.
    by_template: Vec<Vec<f64>>,
    totals: Vec<f64>,
    /// Weeks of the baseline in which any template's messages are known.
    usual_weeks: f64,
}

impl Volumes {
    pub fn new(templates: &[TemplateHistory], period: &Period) -> Self {
        let first = *period.baseline().start();
        let by_template: Vec<Vec<f64>> = templates
            .iter()
            .map(|template| by_day(template, first..=period.last))
            .collect();
        let length = usize::try_from(BASELINE + WINDOW).unwrap_or_default();
        let mut totals = vec![0.0; length];
        for days in &by_template {
            for (total, day) in totals.iter_mut().zip(days) {
                *total += day;
            }
        }
        let first_known = first_known_day(templates);
        Self {
            first,
            by_template,
            totals,
            usual_weeks: f64::from(period.baseline_days(first_known)) / f64::from(WINDOW),
        }
    }

    /// Whether the messages of any template in the window are known.
    pub fn are_known(&self) -> bool {
        window(&self.totals).any(|sent| sent > 0.0)
    }

    /// Whether the messages of this template are known.
    pub fn is_known(&self, place: usize) -> bool {
        !self.by_template[place].is_empty()
    }

    /// Messages in the window.
    pub fn sent(&self, place: usize) -> f64 {
        window(&self.by_template[place]).sum()
    }

    /// Messages in an average week of the baseline. `None` if less than one is known.
    pub fn usual_week(&self, place: usize) -> Option<f64> {
        let days = &self.by_template[place];
        let before = days.len().saturating_sub(window_length());
        let sent: f64 = days[..before].iter().sum();
        (self.is_known(place) && self.usual_weeks >= 1.0).then(|| sent / self.usual_weeks)
    }

    /// Share of the messages of all templates in the window.
    pub fn share(&self, place: usize) -> f64 {
        ratio(self.sent(place), window(&self.totals).sum())
    }

    /// The part of a rise on the days of a template. `None` if unknown.
    pub fn surplus(&self, place: usize, excess: &[(UtcDay, f64)]) -> Option<Surplus> {
        let days = &self.by_template[place];
        let sum: f64 = excess.iter().map(|(_, more)| more).sum();
        if days.is_empty() || sum <= 0.0 {
            return None;
        }
        let of_rise = excess.iter().map(|(day, more)| {
            let at = usize::try_from(day.since(self.first)).unwrap_or_default();
            more * ratio(reacting(days, at), reacting(&self.totals, at))
        });
        let of_rise = of_rise.sum::<f64>() / sum;
        let all: f64 = self.totals.iter().sum();
        let of_messages = ratio(days.iter().sum(), all);
        Some(Surplus {
            of_rise,
            of_messages,
        })
    }
}

fn by_day(template: &TemplateHistory, days: std::ops::RangeInclusive<UtcDay>) -> Vec<f64> {
    if template.days.is_none() {
        return Vec::new();
    }
    let sent = |day| template.day(day).map_or(0.0, |day| float(day.sent));
    each(days).map(sent).collect()
}

fn window_length() -> usize {
    usize::try_from(WINDOW).unwrap_or_default()
}

fn window(days: &[f64]) -> impl Iterator<Item = f64> {
    let before = days.len().saturating_sub(window_length());
    days[before..].iter().copied()
}

/// The messages to which customers react on this day.
fn reacting(days: &[f64], at: usize) -> f64 {
    let earlier = REACTIONS.iter().enumerate();
    earlier
        .filter_map(|(ago, part)| Some(part * days.get(at.checked_sub(ago)?)?))
        .sum()
}
