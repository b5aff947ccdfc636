//! Validity: how often a verdict claims a difference that does not exist, with many looks.

use crate::experiment::Verdict;

use super::simulation::{Arrivals, Outcome, World, plan, runs, share};

/// Days of an experiment, each with a look at its end.
const DAYS: u32 = 28;

const SIGNIFICANCE: f64 = 0.05;

fn is_called_different(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::ABetter | Verdict::BBetter)
}

/// Smallest effects for which the test is about to decide in 28 days with this many users of each variant a day, so
/// that it has the most opportunities to be wrong.
fn effect(rate: f64, daily: f64) -> f64 {
    let variance = 2.0 * rate * (1.0 - rate);
    (12.0 * variance / (daily * f64::from(DAYS)))
        .sqrt()
        .clamp(0.0001, 0.5)
}

/// The rate of an A/A test, the users of each variant a day, and the weights of the split.
fn same(rate: f64, daily: f64, weights: [f64; 2], number: u32) -> Vec<Outcome> {
    let plan = plan(effect(rate, daily), SIGNIFICANCE, 0.8, weights);
    let sum: f64 = weights.iter().sum();
    let world = World {
        rates: [rate, rate],
        arrivals: Arrivals::Poisson(weights.map(|weight| 2.0 * daily * weight / sum)),
        days: DAYS,
    };
    runs(&plan, world, number)
}

#[test]
fn equal_variants_are_seldom_called_different() {
    for (rate, daily) in [(0.5, 10.0), (0.1, 60.0), (0.9, 3.0)] {
        let outcomes = same(rate, daily, [1.0, 1.0], 100);
        let wrong = share(&outcomes, is_called_different);
        // Three standard errors of 100 experiments above 5 %.
        assert!(wrong <= 0.115, "{wrong} at {rate} with {daily} a day");
    }
}

#[test]
#[ignore = "10,000 experiments for each rate: a minute in release"]
fn of_10_000_equal_variants_at_most_the_configured_share_is_called_different() {
    for rate in [0.02, 0.1, 0.5, 0.9] {
        for daily in [3.0, 30.0, 300.0] {
            let outcomes = same(rate, daily, [1.0, 1.0], 10_000);
            let wrong = share(&outcomes, is_called_different);
            let mismatches = share(&outcomes, |outcome| outcome.is_mismatch);
            assert!(wrong <= SIGNIFICANCE, "{wrong} at {rate}, {daily} a day");
            assert!(mismatches <= 0.015, "{mismatches}, {daily} a day");
        }
        let outcomes = same(rate, 3_000.0, [1.0, 1.0], 1_000);
        let wrong = share(&outcomes, is_called_different);
        assert!(wrong <= SIGNIFICANCE, "{wrong} at {rate}, 3,000 a day");
    }
}

#[test]
#[ignore = "10,000 experiments for each rate: a minute in release"]
fn unequal_splits_are_as_valid() {
    for rate in [0.02, 0.1, 0.5, 0.9] {
        for weights in [[9.0, 1.0], [1.0, 4.0]] {
            for daily in [10.0, 100.0] {
                let outcomes = same(rate, daily, weights, 10_000);
                let wrong = share(&outcomes, is_called_different);
                assert!(wrong <= SIGNIFICANCE, "{wrong} at {rate}, {weights:?}");
            }
        }
    }
}

/// Whatever the true difference, the bounds of all looks contain it, and the verdicts that follow are true.
fn coverage(number: u32, limit: f64) {
    for (rates, daily, smallest_effect) in [
        ([0.02, 0.04], 40.0, 0.02),
        ([0.1, 0.2], 10.0, 0.1),
        ([0.5, 0.35], 10.0, 0.15),
        ([0.5, 0.55], 20.0, 0.1),
        ([0.9, 0.5], 3.0, 0.4),
    ] {
        let plan = plan(smallest_effect, SIGNIFICANCE, 0.8, [1.0, 1.0]);
        let world = World {
            rates,
            arrivals: Arrivals::Poisson([daily, daily]),
            days: DAYS,
        };
        let outcomes = runs(&plan, world, number);
        let missed = share(&outcomes, |outcome| !outcome.is_covered);
        assert!(missed <= limit, "{missed} of {rates:?}");
    }
}

#[test]
fn bounds_of_all_looks_contain_the_true_difference() {
    // Three standard errors of 60 experiments above 5 %.
    coverage(60, 0.134);
}

#[test]
#[ignore = "10,000 experiments for each pair of rates: half a minute in release"]
fn bounds_of_all_looks_miss_the_true_difference_as_seldom_as_configured() {
    coverage(10_000, SIGNIFICANCE);
}
