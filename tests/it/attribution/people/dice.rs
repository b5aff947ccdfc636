//! Probability distributions.

use super::{People, whole};

impl People {
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// Evenly on a scale of multiples.
    pub(super) fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    pub(super) fn normal(&mut self) -> f64 {
        let (one, other) = (self.0.f64().max(1e-12), self.0.f64());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
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

    pub(super) fn binomial(&mut self, tries: u64, probability: f64) -> u64 {
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
}
