//! Templates, the people who receive them, and what these do with each message.

use super::{CALM, Culprit, DAYS, People};

const MARKETING: f64 = 0.5;

/// Probabilities of what customers do with the messages of a template.
#[derive(Clone, Copy)]
pub(super) struct Audience {
    reads: f64,
    pub(super) blocks: f64,
    pub(super) stops: f64,
    pub(super) unreachable: f64,
    pub(super) capped: f64,
}

pub(super) struct Template {
    volume: f64,
    /// Messages on each day of the week, 1 on average.
    week: [f64; 7],
    pub(super) audience: Audience,
    noise_of_reads: f64,
    /// From this day on.
    pub(super) changes: Vec<(usize, Change)>,
}

pub(super) enum Change {
    Volume(f64),
    Reads(f64),
    /// This part of the messages goes to these people.
    Audience(f64, Audience),
}

/// Daily counts of the messages of a template.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) sent: Vec<u64>,
    pub(super) delivered: Vec<u64>,
    pub(super) read: Vec<u64>,
    pub(super) blocks: Vec<f64>,
    pub(super) stops: Vec<f64>,
    pub(super) unreachable: Vec<u64>,
    pub(super) capped: Vec<u64>,
}

impl People {
    pub(super) fn audience(&mut self) -> Audience {
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

    /// People of a bought list, who have not opted in.
    pub(super) fn strangers(&mut self, usual: Audience) -> Audience {
        Audience {
            reads: usual.reads * self.between(0.45, 0.8),
            blocks: self.scale(0.015, 0.06),
            stops: usual.stops * self.scale(4.0, 12.0),
            unreachable: usual.unreachable * self.scale(1.5, 6.0),
            capped: usual.capped * self.scale(1.0, 3.0),
        }
    }

    pub(super) fn template(&mut self) -> Template {
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

    /// Adds changes that cause no blocks, near the fall.
    pub(super) fn innocent_changes(&mut self, templates: &mut [Template], culprit: Culprit) {
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

    pub(super) fn outcome(&mut self, template: &Template) -> Outcome {
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
}
