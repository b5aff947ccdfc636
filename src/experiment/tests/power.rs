//! Power: how often the planned effect is found with the needed users, and how soon.

use crate::experiment::Verdict;

use super::simulation::{Arrivals, Outcome, World, needed, plan, runs, share};

/// Days of an experiment, each with a look at its end.
const DAYS: u32 = 28;

/// An A/B test with the needed users: the rate of the control, and the true effect, which is the planned one.
struct Case {
    rate: f64,
    effect: f64,
    power: f64,
    weights: [f64; 2],
}

const EQUAL: [f64; 2] = [1.0, 1.0];

impl Case {
    fn outcomes(&self, number: u32) -> Vec<Outcome> {
        let plan = plan(self.effect.abs(), 0.05, self.power, self.weights);
        let daily = needed(&plan, self.rate).map(|users| users.div_ceil(u64::from(DAYS)));
        let world = World {
            rates: [self.rate, self.rate + self.effect],
            arrivals: Arrivals::Steady(daily),
            days: DAYS,
        };
        runs(&plan, world, number)
    }

    fn found(&self, outcomes: &[Outcome]) -> f64 {
        let right = if self.effect > 0.0 {
            Verdict::BBetter
        } else {
            Verdict::ABetter
        };
        share(outcomes, |outcome| outcome.verdict == right)
    }

    /// Users of both variants that a test with one look needs for the same significance and power.
    fn users_of_one_look(&self, power_quantile: f64) -> f64 {
        let variances = [self.rate, self.rate + self.effect].map(|rate| rate * (1.0 - rate));
        let sum: f64 = self.weights.iter().sum();
        let pairs = variances.iter().zip(self.weights);
        let variance: f64 = pairs
            .map(|(variance, weight)| variance * sum / weight)
            .sum();
        variance * (1.959_964 + power_quantile).powi(2) / (self.effect * self.effect)
    }
}

#[test]
fn the_planned_effect_is_found_with_the_planned_power() {
    for (rate, effect) in [(0.5, 0.2), (0.1, 0.1)] {
        let case = Case {
            rate,
            effect,
            power: 0.8,
            weights: EQUAL,
        };
        let found = case.found(&case.outcomes(100));
        // Three standard errors of 100 experiments below 80 %.
        assert!(
            found >= 0.68,
            "{found} of the effects of {effect} at {rate}"
        );
    }
}

#[test]
#[ignore = "10,000 experiments for each effect: two minutes in release"]
fn in_10_000_experiments_the_power_is_reached() {
    for (rate, effect) in [
        (0.02, 0.01),
        (0.02, 0.02),
        (0.1, 0.03),
        (0.1, -0.05),
        (0.5, 0.05),
        (0.5, -0.1),
        (0.9, -0.05),
        (0.9, 0.05),
    ] {
        for (power, weights) in [(0.8, EQUAL), (0.9, EQUAL), (0.8, [4.0, 1.0])] {
            let case = Case {
                rate,
                effect,
                power,
                weights,
            };
            let outcomes = case.outcomes(10_000);
            let found = case.found(&outcomes);
            assert!(found >= power, "{found} of {effect} at {rate}, {weights:?}");
            let denied = share(&outcomes, |outcome| {
                outcome.verdict == Verdict::NoDifference
            });
            assert!(denied <= 0.025, "{denied} of {effect} at {rate}");
        }
    }
}

#[test]
#[ignore = "4,000 experiments: some seconds in release"]
fn most_experiments_need_fewer_users_than_with_one_look() {
    let case = Case {
        rate: 0.5,
        effect: 0.1,
        power: 0.9,
        weights: EQUAL,
    };
    let outcomes = case.outcomes(4_000);
    let of_one_look = case.users_of_one_look(1.281_552);
    let sooner = share(&outcomes, |outcome| {
        let users = u32::try_from(outcome.users).expect("few users");
        outcome.verdict != Verdict::NotEnough && f64::from(users) < 0.8 * of_one_look
    });
    assert!(sooner > 0.5, "{sooner}");
}
