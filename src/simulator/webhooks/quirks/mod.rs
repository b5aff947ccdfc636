//! Unusual forms of webhooks: Meta's pages contradict each other, and recorded webhooks differ from them.
//!
//! Most webhooks have their current form. At a configured rate, a webhook is sent in another documented or recorded form
//! of the same meaning, or another webhook that many libraries do not support comes with it. At rate 1, every webhook for
//! which such a form exists has one, and the forms alternate.

mod envelope;
mod form;
mod management;
mod message;

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::simulator::change::Webhook;
pub(super) use envelope::EnvelopeForm;

/// Rate of the demo and of `simulate`: often enough to be seen within minutes.
pub const DEFAULT_QUIRKS: f64 = 0.05;

/// An unusual form.
#[derive(Debug, Clone, Copy)]
enum Quirk {
    /// Changes the form of a webhook; false if the webhook has no such form.
    Form(fn(&mut Webhook) -> bool),
    /// A webhook that comes with another one; `None` if it does not fit.
    Beside(fn(&Webhook) -> Option<Webhook>),
}

/// Decides which webhooks have an unusual form.
#[derive(Debug)]
pub struct Quirks {
    rate: f64,
    seed: u64,
    /// One sequence for each field, so that traffic does not affect the decisions about the story.
    dice: BTreeMap<String, Rng>,
    /// How often each form was used.
    uses: BTreeMap<&'static str, u32>,
    /// Number of envelopes with an unusual form.
    envelopes: usize,
}

impl Quirks {
    /// A sequence of decisions that is determined by the seed. The rate is clamped to 0 to 1.
    #[must_use]
    pub fn new(seed: u64, rate: f64) -> Self {
        Self {
            rate: valid_rate(rate),
            seed,
            dice: BTreeMap::new(),
            uses: BTreeMap::new(),
            envelopes: 0,
        }
    }

    /// Share of webhooks with an unusual form.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Changes the rate; it is clamped to 0 to 1.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = valid_rate(rate);
    }

    /// Changes the form of some webhooks.
    pub(super) fn apply(&mut self, webhooks: Vec<Webhook>) -> Vec<Webhook> {
        let mut sent = Vec::with_capacity(webhooks.len());
        for mut webhook in webhooks {
            let beside = if self.is_hit(&webhook.field) {
                self.distort(&mut webhook)
            } else {
                None
            };
            sent.push(webhook);
            sent.extend(beside);
        }
        sent
    }

    /// The form of the next envelope.
    pub(super) fn envelope(&mut self) -> EnvelopeForm {
        if !self.is_hit("") {
            return EnvelopeForm::Usual;
        }
        self.envelopes += 1;
        EnvelopeForm::UNUSUAL[self.envelopes % EnvelopeForm::UNUSUAL.len()]
    }

    /// Applies the possible quirk that was used least, so that all of them occur soon.
    fn distort(&mut self, webhook: &mut Webhook) -> Option<Webhook> {
        let all = message::QUIRKS.iter().chain(management::QUIRKS);
        let mut by_use: Vec<_> = all.collect();
        by_use.sort_by_key(|(name, _)| self.uses.get(name).copied().unwrap_or_default());
        for (name, quirk) in by_use {
            let beside = match quirk {
                Quirk::Form(form) => {
                    let mut changed = webhook.clone();
                    if !form(&mut changed) {
                        continue;
                    }
                    *webhook = changed;
                    None
                }
                Quirk::Beside(beside) => match beside(webhook) {
                    Some(beside) => Some(beside),
                    None => continue,
                },
            };
            *self.uses.entry(name).or_default() += 1;
            return beside;
        }
        None
    }

    fn is_hit(&mut self, field: &str) -> bool {
        if self.rate <= 0.0 {
            return false;
        }
        let dice = self.dice.entry(field.to_owned()).or_insert_with(|| {
            let seed = field.bytes().fold(self.seed, |seed, byte| {
                seed.wrapping_mul(31).wrapping_add(byte.into())
            });
            Rng::with_seed(seed)
        });
        dice.f64() < self.rate
    }
}

fn valid_rate(rate: f64) -> f64 {
    if rate.is_finite() {
        rate.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
