//! Histories of a phone number drawn from people who get messages, read them, block the number, or stop them. It knows
//! nothing of the formula: blocks, which Meta never reports, make the rating fall.

use std::collections::BTreeMap;
use std::time::Duration;

use whatsapp_business_exporter::domain::{QualityRating, TemplateId, Timestamp};
use whatsapp_business_exporter::insight::attribution::{
    DailySends, Fall, NumberHistory, Setback, SetbackKind, TemplateHistory,
};
use whatsapp_business_exporter::state::{DailyActivity, DailyCount, UtcDay};

/// Days before the earliest possible start of the cause.
const CALM: usize = 45;

/// Days after it in which the rating may fall.
const AFTER: usize = 12;

const DAYS: usize = CALM + AFTER;

const FIRST_DAY: i32 = 20_500;

const MARKETING: f64 = 0.5;

/// What made the customers block the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The template at this place.
    Template(usize),
    SlowResponses,
    Journey,
    /// Nothing that anybody could see.
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

/// How customers take a template's messages.
#[derive(Clone, Copy)]
struct Audience {
    reads: f64,
    blocks: f64,
    stops: f64,
    unreachable: f64,
    capped: f64,
}

struct Template {
    volume: f64,
    /// Messages on each day of the week, 1 on average.
    week: [f64; 7],
    audience: Audience,
    noise_of_reads: f64,
    /// From this day on.
    changes: Vec<(usize, Change)>,
}

enum Change {
    Volume(f64),
    Reads(f64),
    /// This part of the messages goes to these people.
    Audience(f64, Audience),
}

/// What happens to a template's messages.
#[derive(Default)]
struct Outcome {
    sent: Vec<u64>,
    delivered: Vec<u64>,
    read: Vec<u64>,
    blocks: Vec<f64>,
    stops: Vec<f64>,
    unreachable: Vec<u64>,
    capped: Vec<u64>,
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

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// Evenly on a scale of multiples.
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    fn normal(&mut self) -> f64 {
        let (one, other) = (self.0.f64().max(1e-12), self.0.f64());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            return whole((mean + mean.sqrt() * self.normal()).round());
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.0.f64(), 0);
        while product > limit {
            product *= self.0.f64();
            count += 1;
        }
        count
    }

    fn binomial(&mut self, tries: u64, probability: f64) -> u64 {
        let (tries_f, probability) = (tries as f64, probability.clamp(0.0, 1.0));
        let mean = tries_f * probability;
        let drawn = if mean < 30.0 {
            self.poisson(mean)
        } else {
            let noise = (mean * (1.0 - probability)).sqrt() * self.normal();
            whole((mean + noise).round())
        };
        drawn.min(tries)
    }

    fn audience(&mut self) -> Audience {
        let is_marketing = self.chance(MARKETING);
        let more = if is_marketing { 2.0 } else { 0.5 };
        Audience {
            reads: self.between(0.4, 0.85),
            blocks: more * self.scale(0.000_2, 0.001),
            stops: more * self.scale(0.000_3, 0.002),
            unreachable: self.scale(0.005, 0.02),
            capped: if is_marketing {
                self.between(0.005, 0.04)
            } else {
                0.0
            },
        }
    }

    /// People of a bad list: they did not ask for this.
    fn strangers(&mut self, usual: Audience) -> Audience {
        Audience {
            reads: usual.reads * self.between(0.45, 0.8),
            blocks: self.scale(0.015, 0.06),
            stops: usual.stops * self.scale(4.0, 12.0),
            unreachable: usual.unreachable * self.scale(1.5, 6.0),
            capped: usual.capped * self.scale(1.0, 3.0),
        }
    }

    fn template(&mut self) -> Template {
        let is_daily = self.chance(0.6);
        let mut week = [0.0; 7];
        for (day, share) in week.iter_mut().enumerate() {
            *share = match (is_daily, day) {
                (true, 5 | 6) => self.between(0.3, 0.8),
                (true, _) => 1.0,
                // Campaigns on two or three days.
                (false, _) => f64::from(u8::from(self.chance(0.4))),
            };
        }
        if week.iter().all(|share| *share == 0.0) {
            week[1] = 1.0;
        }
        Template {
            volume: self.scale(80.0, 3_000.0),
            week,
            audience: self.audience(),
            noise_of_reads: self.between(0.01, 0.04),
            changes: Vec::new(),
        }
    }

    /// Changes that harm nobody, near the fall.
    fn innocent_changes(&mut self, templates: &mut [Template], culprit: Culprit) {
        let innocent = |place: &usize| Culprit::Template(*place) != culprit;
        let mut places: Vec<usize> = (0..templates.len()).filter(innocent).collect();
        self.0.shuffle(&mut places);
        let jumps = self.0.usize(1..=3);
        for place in &places[..jumps] {
            let (from, times) = (CALM - 3 + self.0.usize(0..8), self.scale(2.0, 8.0));
            templates[*place]
                .changes
                .push((from, Change::Volume(times)));
        }
        if self.chance(0.4) {
            // A template that is new.
            let new = &mut templates[places[0]].changes;
            new.insert(0, (0, Change::Volume(0.0)));
        }
        if self.chance(0.5) {
            let (from, times) = (CALM - 5 + self.0.usize(0..10), self.between(0.88, 0.97));
            let place = places[places.len() - 1];
            templates[place].changes.push((from, Change::Reads(times)));
        }
        if self.chance(0.3) {
            // A holiday.
            let (from, times) = (CALM - 5 + self.0.usize(0..10), self.between(0.75, 0.92));
            for template in templates {
                template.changes.push((from, Change::Reads(times)));
            }
        }
    }

    fn outcome(&mut self, template: &Template) -> Outcome {
        let mut outcome = Outcome {
            blocks: vec![0.0; DAYS + 3],
            stops: vec![0.0; DAYS + 3],
            ..Outcome::default()
        };
        for day in 0..DAYS {
            let in_force = template.changes.iter().filter(|(from, _)| *from <= day);
            let (mut volume, mut reads, mut strangers) = (1.0, 1.0, None);
            for (_, change) in in_force {
                match change {
                    Change::Volume(times) => volume = *times,
                    Change::Reads(times) => reads *= times,
                    Change::Audience(part, people) => strangers = Some((*part, *people)),
                }
            }
            let noise = (0.15 * self.normal()).exp();
            let sent = self.poisson(template.volume * template.week[day % 7] * volume * noise);
            let (part, people) = strangers.unwrap_or((0.0, template.audience));
            let to_strangers = self.binomial(sent, part);
            let noise = template.noise_of_reads * self.normal();
            let mut sums = [0; 4];
            for (sent, people) in [
                (sent - to_strangers, template.audience),
                (to_strangers, people),
            ] {
                let unreachable = self.binomial(sent, people.unreachable);
                let capped = self.binomial(sent - unreachable, people.capped);
                let delivered = sent - unreachable - capped;
                let read = self.binomial(delivered, (people.reads * reads + noise).min(0.98));
                for (sum, more) in sums.iter_mut().zip([delivered, read, unreachable, capped]) {
                    *sum += more;
                }
                let (blocks, stops) = (
                    self.binomial(delivered, people.blocks),
                    self.binomial(delivered, people.stops),
                );
                for (later, part) in [0.65, 0.25, 0.1].into_iter().enumerate() {
                    outcome.blocks[day + later] += blocks as f64 * part;
                    outcome.stops[day + later] += stops as f64 * part;
                }
            }
            outcome.sent.push(sent);
            outcome.delivered.push(sums[0]);
            outcome.read.push(sums[1]);
            outcome.unreachable.push(sums[2]);
            outcome.capped.push(sums[3]);
        }
        outcome
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

    /// The day on which Meta lowers the rating.
    fn fall(&mut self, outcomes: &[Outcome], own: &[f64], culprit: Culprit) -> Option<usize> {
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

    fn count(&mut self, outcome: &Outcome, days: &mut DailyActivity, now: Timestamp) {
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

    /// Meta rates templates by their blocks, late and not always, and some for reasons that nobody knows.
    fn setbacks(&mut self, outcome: &Outcome, fell_at: Timestamp, now: Timestamp) -> Vec<Setback> {
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

    /// What Meta shows of the days before today: the newest reads are still to come, and some days are missing.
    fn insights(&mut self, outcome: &Outcome, now: Timestamp) -> BTreeMap<UtcDay, DailySends> {
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
