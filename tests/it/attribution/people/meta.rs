//! What Meta does and shows: the fall of the rating, counts, setbacks of templates and insights.

use std::collections::BTreeMap;
use std::time::Duration;

use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::insight::attribution::{DailySends, Setback, SetbackKind};
use whatsapp_business_exporter::state::{DailyActivity, DailyCount, UtcDay};

use super::templates::Outcome;
use super::{AFTER, CALM, Culprit, DAYS, FIRST_DAY, People, at, whole};

impl People {
    /// The day on which Meta lowers the rating.
    pub(super) fn fall(
        &mut self,
        outcomes: &[Outcome],
        own: &[f64],
        culprit: Culprit,
    ) -> Option<usize> {
        if culprit == Culprit::Nothing {
            return Some(CALM + self.0.usize(0..AFTER));
        }
        let blocks =
            |day: usize| own[day] + outcomes.iter().map(|one| one.blocks[day]).sum::<f64>();
        let delivered = |day: usize| {
            let delivered = outcomes.iter().map(|one| one.delivered[day]);
            delivered.sum::<u64>() as f64
        };
        // Seven days, weighted by recency.
        let rate = |day: usize| {
            let week = (0..7).map(|ago| (1.0 - ago as f64 / 10.0, day - ago));
            let (bad, all) = week.fold((0.0, 0.0), |(bad, all), (weight, day)| {
                (bad + weight * blocks(day), all + weight * delivered(day))
            });
            bad / f64::max(all, 1.0)
        };
        let usual = rate(CALM - 1);
        let threshold = f64::max(usual * 2.0, 0.003);
        let day = (CALM..DAYS).find(|day| rate(*day) > threshold)?;
        // Meta takes its time.
        let day = day + self.0.usize(0..=2);
        (day < DAYS).then_some(day)
    }

    pub(super) fn count(&mut self, outcome: &Outcome, days: &mut DailyActivity, now: Timestamp) {
        for day in (0..DAYS).filter(|day| at(*day, 0) <= now) {
            let stops = self.poisson(outcome.stops[day]);
            for (what, count) in [
                (DailyCount::Sent, outcome.sent[day]),
                (DailyCount::Delivered, outcome.delivered[day]),
                (DailyCount::Read, outcome.read[day]),
                (DailyCount::Undeliverable, outcome.unreachable[day]),
                (DailyCount::PerUserLimit, outcome.capped[day]),
                (DailyCount::OptOut, stops),
            ] {
                days.add(at(day, 43_200), what, count);
            }
        }
    }

    /// Meta rates templates by their blocks, late and not always, and some for unknown reasons.
    pub(super) fn setbacks(
        &mut self,
        outcome: &Outcome,
        fell_at: Timestamp,
        now: Timestamp,
    ) -> Vec<Setback> {
        let mut setbacks = Vec::new();
        let rate = |day: usize| {
            let blocks: f64 = outcome.blocks[day - 6..=day].iter().sum();
            let delivered: u64 = outcome.delivered[day - 6..=day].iter().sum();
            blocks / (delivered as f64).max(100.0)
        };
        if let Some(day) = (CALM..DAYS).find(|day| rate(*day) > 0.008)
            && self.chance(0.65)
        {
            let time = at(day + self.0.usize(0..=3), self.0.u64(0..86_400));
            let kind = if rate(day) > 0.02 && self.chance(0.5) {
                SetbackKind::RatedRed
            } else {
                SetbackKind::RatedYellow
            };
            setbacks.push(Setback { at: time, kind });
            if kind == SetbackKind::RatedRed && self.chance(0.5) {
                let kind = SetbackKind::Paused;
                let at = time.plus(Duration::from_secs(7_200));
                setbacks.push(Setback { at, kind });
            }
        }
        if self.chance(0.08) {
            let ago = Duration::from_secs(self.0.u64(0..10 * 86_400));
            let at = fell_at.plus(Duration::from_secs(2 * 86_400)).minus(ago);
            let kind = if self.chance(0.85) {
                SetbackKind::RatedYellow
            } else {
                SetbackKind::RatedRed
            };
            setbacks.push(Setback { at, kind });
        }
        setbacks.retain(|setback| setback.at <= now);
        setbacks
    }

    /// The figures that Meta reports of the days before today. The newest lack some reads, and some days are missing.
    pub(super) fn insights(
        &mut self,
        outcome: &Outcome,
        now: Timestamp,
    ) -> BTreeMap<UtcDay, DailySends> {
        let has_gaps = self.chance(0.2);
        let today = UtcDay::at(now);
        let mut days = BTreeMap::new();
        for day in 0..DAYS {
            let date = UtcDay(FIRST_DAY + day as i32);
            let is_missing = has_gaps && self.chance(0.2);
            if date >= today || is_missing || outcome.sent[day] == 0 {
                continue;
            }
            let arrived = match today.since(date) {
                1 => 0.85,
                2 => 0.95,
                _ => 1.0,
            };
            let figures = DailySends {
                sent: outcome.sent[day],
                delivered: outcome.delivered[day],
                read: whole(outcome.read[day] as f64 * arrived),
            };
            days.insert(date, figures);
        }
        days
    }
}
