//! Drawn histories of a phone number: people get messages, read them, block the number, or opt out. It does not use the
//! formula of the explanation: blocks, which Meta never reports, make the rating fall.

mod dice;
mod meta;
mod templates;

use std::time::Duration;

use templates::{Change, Outcome, Template};
use whatsapp_business_exporter::domain::{QualityRating, TemplateId, Timestamp};
use whatsapp_business_exporter::insight::attribution::{Fall, NumberHistory, TemplateHistory};
use whatsapp_business_exporter::state::{DailyActivity, DailyCount, UtcDay};

/// Days before the earliest possible start of the cause.
const CALM: usize = 45;

/// Days after it in which the rating may fall.
const AFTER: usize = 12;

const DAYS: usize = CALM + AFTER;

const FIRST_DAY: i32 = 20_500;

/// Why the customers blocked the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The template at this place.
    Template(usize),
    SlowResponses,
    Journey,
    /// A cause that is not in the data.
    Nothing,
}

/// A history with its truth.
pub struct Drawn {
    pub history: NumberHistory,
    pub now: Timestamp,
    pub culprit: Culprit,
    /// The template with most messages in the week before the fall.
    pub largest_sender: usize,
    pub has_insights: bool,
}

pub struct People(fastrand::Rng);

impl People {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A history whose rating fell. Draws until one does.
    pub fn draw(&mut self, may_have_a_culprit: bool) -> Drawn {
        loop {
            if let Some(drawn) = self.try_draw(may_have_a_culprit) {
                return drawn;
            }
        }
    }

    fn culprit(&mut self, templates: usize, may_have_a_culprit: bool) -> Culprit {
        match self.0.f64() {
            _ if !may_have_a_culprit => Culprit::Nothing,
            drawn if drawn < 0.12 => Culprit::SlowResponses,
            drawn if drawn < 0.2 => Culprit::Journey,
            _ => Culprit::Template(self.0.usize(0..templates)),
        }
    }

    fn try_draw(&mut self, may_have_a_culprit: bool) -> Option<Drawn> {
        let count = self.0.usize(6..=16);
        let mut templates: Vec<Template> = (0..count).map(|_| self.template()).collect();
        let culprit = self.culprit(count, may_have_a_culprit);
        if let Culprit::Template(place) = culprit {
            let (part, people) = (
                self.between(0.4, 1.0),
                self.strangers(templates[place].audience),
            );
            let changes = &mut templates[place].changes;
            changes.push((CALM, Change::Audience(part, people)));
            if self.chance(0.7) {
                let times = self.scale(1.5, 6.0);
                templates[place].changes.push((CALM, Change::Volume(times)));
            }
        }
        self.innocent_changes(&mut templates, culprit);
        let outcomes: Vec<Outcome> = templates.iter().map(|one| self.outcome(one)).collect();
        let mut days = DailyActivity::default();
        let mut own_blocks = vec![0.0; DAYS];
        self.service(culprit, &mut days, &mut own_blocks);
        let fell_on = self.fall(&outcomes, &own_blocks, culprit)?;
        let hour = self.0.u64(0..86_400);
        let fell_at = at(fell_on, hour);
        let now = fell_at.plus(Duration::from_secs(self.0.u64(3_600..3 * 86_400)));
        for outcome in &outcomes {
            self.count(outcome, &mut days, now);
        }
        let has_insights = self.chance(0.85);
        let mut shown: Vec<TemplateHistory> = Vec::new();
        for (place, outcome) in outcomes.iter().enumerate() {
            shown.push(TemplateHistory {
                id: template_id(place),
                name: None,
                language: None,
                setbacks: self.setbacks(outcome, fell_at, now),
                days: has_insights.then(|| self.insights(outcome, now)),
            });
        }
        let week = |outcome: &Outcome| outcome.sent[fell_on - 6..=fell_on].iter().sum::<u64>();
        let largest_sender = (0..count).max_by_key(|place| week(&outcomes[*place]))?;
        Some(Drawn {
            history: NumberHistory {
                fall: Some(Fall {
                    from: QualityRating::Green,
                    to: QualityRating::Yellow,
                    at: fell_at,
                }),
                days,
                templates: shown,
                other_numbers: 0,
            },
            now,
            culprit,
            largest_sender,
            has_insights,
        })
    }

    /// Conversations that customers begin.
    fn service(&mut self, culprit: Culprit, days: &mut DailyActivity, blocks: &mut [f64]) {
        let (a_day, usual_wait) = (self.scale(30.0, 300.0), self.scale(120.0, 3_600.0));
        let (usual_drop, slower) = (self.between(0.1, 0.4), self.scale(3.0, 8.0));
        let more_drop = self.between(0.15, 0.4);
        for (day, blocks) in blocks.iter_mut().enumerate() {
            let is_weekend = day % 7 >= 5;
            let since = day >= CALM;
            let customers = self.poisson(a_day * if is_weekend { 0.5 } else { 1.0 });
            let slow = culprit == Culprit::SlowResponses && since;
            let wait = usual_wait
                * if is_weekend { 1.5 } else { 1.0 }
                * if slow { slower } else { 1.0 }
                // A day without staff.
                * if self.chance(0.03) { 3.0 } else { 1.0 }
                * (0.25 * self.normal()).exp();
            let broken = culprit == Culprit::Journey && since;
            let drop = usual_drop + if broken { more_drop } else { 0.0 } + 0.02 * self.normal();
            let abandoned = self.binomial(customers, drop);
            let annoyed = match (slow, broken) {
                (true, _) => customers,
                (_, true) => abandoned,
                _ => 0,
            };
            // The rest of what a slow or broken service does to people is a matter of patience.
            *blocks = self.binomial(annoyed, 0.6) as f64;
            let noon = at(day, 43_200);
            for (what, count) in [
                (DailyCount::Received, customers * 3),
                (DailyCount::Sent, customers * 3),
                (DailyCount::FirstResponse, customers),
                (
                    DailyCount::FirstResponseSeconds,
                    whole(customers as f64 * wait),
                ),
                (DailyCount::JourneyStarted, customers),
                (DailyCount::JourneyAbandoned, abandoned),
            ] {
                days.add(noon, what, count);
            }
        }
    }
}

pub fn template_id(place: usize) -> TemplateId {
    TemplateId::parse(&format!("7001{place:04}")).expect("digits")
}

fn at(day: usize, seconds: u64) -> Timestamp {
    let day = UtcDay(FIRST_DAY + day as i32);
    day.start().plus(Duration::from_secs(seconds))
}

/// The whole number of a count that cannot be negative.
fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}
