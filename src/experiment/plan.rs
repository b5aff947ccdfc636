//! The plan of an experiment: what it is to find out, fixed before its first user.

use std::ops::RangeInclusive;

use statrs::distribution::{ContinuousCDF, Normal};
use thiserror::Error;

use super::needed;
use super::sequential::Boundary;

/// Effects that a plan accepts. Smaller effects need hundreds of millions of users.
const EFFECTS: RangeInclusive<f64> = 0.0001..=0.99;

/// Levels of significance that a plan accepts.
const SIGNIFICANCES: RangeInclusive<f64> = 0.0001..=0.5;

/// Powers that a plan accepts.
const POWERS: RangeInclusive<f64> = 0.5..=0.999;

/// Numbers of variants, with the control.
const VARIANTS: RangeInclusive<usize> = 2..=10;

/// Parts of all users that a variant can get.
const MIN_PART: f64 = 0.001;

/// Which of two rates is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The higher one, such as completions, replies and reads.
    #[default]
    HigherIsBetter,
    /// The lower one, such as opt-outs and confusion.
    LowerIsBetter,
}

/// How users come to the variants.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// At random, in proportion to these weights: one for each variant, the control first. [`super::judge`] checks it.
    Planned(Vec<f64>),
    /// Not at random, such as before and after a change: the number of variants, with the control. The numbers of users
    /// are not checked, and each variant needs the same number. A difference can have another cause than the variant,
    /// such as the season.
    Unplanned(usize),
}

/// The settings of a [`Plan`], not yet checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The smallest difference of two rates that is worth knowing: 0.02 distinguishes 10 % from 12 %.
    pub smallest_effect: f64,
    /// The greatest probability that any difference is claimed although there is none, over all looks and variants.
    pub significance: f64,
    /// The probability that a difference of `smallest_effect` is found by the time the needed users have come.
    pub power: f64,
    /// Which rate is better.
    pub direction: Direction,
    /// How users come to the variants.
    pub split: Split,
    /// The rate of the control that is expected before its first users. `None` stands for one half, which needs the most
    /// users.
    pub expected_rate: Option<f64>,
}

/// A plan that can be carried out.
#[derive(Clone, Debug)]
pub struct Plan {
    settings: Settings,
    parts: Vec<f64>,
    boundary: Boundary,
    needed_time: f64,
    rate_quantile: f64,
    difference_quantile: f64,
}

/// An invalid setting. The text names the setting, its value and the range.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum PlanError {
    /// The smallest effect is out of range.
    #[error(
        "smallest effect {0}: give a difference of two rates between {least} and {most}, such as 0.05 for 5 percentage points",
        least = EFFECTS.start(),
        most = EFFECTS.end()
    )]
    SmallestEffect(f64),
    /// The significance is out of range.
    #[error("significance {0}: give a probability between {least} and {most}, such as 0.05", least = SIGNIFICANCES.start(), most = SIGNIFICANCES.end())]
    Significance(f64),
    /// The power is out of range.
    #[error("power {0}: give a probability between {least} and {most}, such as 0.8", least = POWERS.start(), most = POWERS.end())]
    Power(f64),
    /// The expected rate is out of range.
    #[error("expected rate {0}: give a rate between 0 and 1")]
    ExpectedRate(f64),
    /// Too few or too many variants.
    #[error("{0} variants: give between {least} and {most}, with the control", least = VARIANTS.start(), most = VARIANTS.end())]
    Variants(usize),
    /// A weight is not a positive number, or is far below the others.
    #[error(
        "weight {weight} of variant {variant}: give a positive number, at least one in 1000 of the sum of all"
    )]
    Weight {
        /// Position of the variant; the control has 1.
        variant: usize,
        /// Its weight.
        weight: f64,
    },
}

impl Plan {
    /// Checks the settings, and calculates the values that all looks share.
    ///
    /// # Errors
    ///
    /// Fails with the first setting that is out of range.
    pub fn new(settings: Settings) -> Result<Self, PlanError> {
        let Settings {
            smallest_effect,
            significance,
            power,
            expected_rate,
            ..
        } = settings;
        within(&EFFECTS, smallest_effect, PlanError::SmallestEffect)?;
        within(&SIGNIFICANCES, significance, PlanError::Significance)?;
        within(&POWERS, power, PlanError::Power)?;
        if let Some(rate) = expected_rate {
            within(&(0.0..=1.0), rate, PlanError::ExpectedRate)?;
        }
        let parts = parts(&settings.split)?;
        // Bonferroni: each variant is compared with the control.
        let of_each = (1..parts.len()).fold(0.0, |comparisons, _| comparisons + 1.0);
        let of_each = significance / of_each;
        let boundary = Boundary::new(of_each);
        Ok(Self {
            parts,
            boundary,
            needed_time: needed::time(boundary, power),
            rate_quantile: two_sided_quantile(significance),
            difference_quantile: two_sided_quantile(of_each),
            settings,
        })
    }

    /// The settings as they were given.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The part of all users that each variant gets, the control first. The parts sum to 1.
    #[must_use]
    pub fn parts(&self) -> &[f64] {
        &self.parts
    }

    /// The limit of the sequential test of each variant against the control.
    pub(super) fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// The time of that test at which the power is reached.
    pub(super) fn needed_time(&self) -> f64 {
        self.needed_time
    }

    /// The normal quantile of the bounds of a rate.
    pub(super) fn rate_quantile(&self) -> f64 {
        self.rate_quantile
    }

    /// The normal quantile of the bounds of a difference: with more than two variants, a larger one.
    pub(super) fn difference_quantile(&self) -> f64 {
        self.difference_quantile
    }
}

/// NaN is in no range.
fn within(
    range: &RangeInclusive<f64>,
    value: f64,
    error: fn(f64) -> PlanError,
) -> Result<(), PlanError> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(error(value))
    }
}

fn parts(split: &Split) -> Result<Vec<f64>, PlanError> {
    let weights = match split {
        Split::Planned(weights) => weights.as_slice(),
        Split::Unplanned(variants) if VARIANTS.contains(variants) => &vec![1.0; *variants],
        Split::Unplanned(variants) => return Err(PlanError::Variants(*variants)),
    };
    if !VARIANTS.contains(&weights.len()) {
        return Err(PlanError::Variants(weights.len()));
    }
    let sum: f64 = weights.iter().sum();
    let parts: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
    // If a weight is negative or NaN, so is a part. If the sum is infinite, all parts are 0 or NaN.
    let wrong = parts
        .iter()
        .position(|part| !(MIN_PART..=1.0).contains(part));
    match wrong {
        None => Ok(parts),
        Some(place) => Err(PlanError::Weight {
            variant: place + 1,
            weight: weights[place],
        }),
    }
}

/// The quantile of the normal distribution that leaves half of the significance above it.
fn two_sided_quantile(significance: f64) -> f64 {
    -Normal::standard().inverse_cdf(significance / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> Settings {
        Settings {
            smallest_effect: 0.05,
            significance: 0.05,
            power: 0.8,
            direction: Direction::HigherIsBetter,
            split: Split::Planned(vec![1.0, 1.0]),
            expected_rate: None,
        }
    }

    #[test]
    fn a_plan_knows_its_quantiles_and_parts() {
        let plan = Plan::new(Settings {
            split: Split::Planned(vec![2.0, 1.0, 1.0]),
            ..settings()
        })
        .expect("a plan");
        assert_eq!(plan.parts(), [0.5, 0.25, 0.25]);
        assert!((plan.rate_quantile() - 1.959_964).abs() < 1e-6);
        assert!((plan.difference_quantile() - 2.241_403).abs() < 1e-6);
        assert_eq!(plan.settings().power.to_bits(), 0.8_f64.to_bits());
    }

    #[test]
    fn each_setting_out_of_range_is_named() {
        for effect in [0.0, -0.1, 1.0, 2.0, f64::NAN, f64::INFINITY] {
            let error = Plan::new(Settings {
                smallest_effect: effect,
                ..settings()
            });
            let text = error.expect_err("no such effect").to_string();
            assert!(text.starts_with(&format!("smallest effect {effect}: give a difference")));
            assert!(text.contains("between 0.0001 and 0.99"), "{text}");
        }
        let significance = Plan::new(Settings {
            significance: 0.0,
            ..settings()
        });
        assert_eq!(
            significance.expect_err("no significance"),
            PlanError::Significance(0.0)
        );
        let power = Plan::new(Settings {
            power: 1.0,
            ..settings()
        });
        assert_eq!(power.expect_err("no such power"), PlanError::Power(1.0));
        let rate = Plan::new(Settings {
            expected_rate: Some(1.5),
            ..settings()
        });
        assert_eq!(
            rate.expect_err("no such rate"),
            PlanError::ExpectedRate(1.5)
        );
    }

    #[test]
    fn a_split_needs_at_least_two_variants_and_positive_weights() {
        let error_of = |split| {
            Plan::new(Settings {
                split,
                ..settings()
            })
            .expect_err("a wrong split")
        };
        assert_eq!(error_of(Split::Unplanned(1)), PlanError::Variants(1));
        assert_eq!(
            error_of(Split::Unplanned(usize::MAX)),
            PlanError::Variants(usize::MAX)
        );
        assert_eq!(error_of(Split::Planned(vec![])), PlanError::Variants(0));
        let weight = error_of(Split::Planned(vec![1.0, 0.0]));
        assert_eq!(
            weight,
            PlanError::Weight {
                variant: 2,
                weight: 0.0
            }
        );
        assert!(
            weight
                .to_string()
                .starts_with("weight 0 of variant 2: give")
        );
    }

    proptest! {
        /// Every plan that is accepted has finite figures; whatever the weights, nothing panics.
        #[test]
        fn accepted_plans_are_finite(
            smallest_effect in 0.0001..=0.99_f64,
            significance in 0.0001..=0.5_f64,
            power in 0.5..=0.999_f64,
            weights in prop::collection::vec(any::<f64>(), 0..12),
            likely in prop::collection::vec(0.1..10.0_f64, 2..=10),
        ) {
            let with = |weights| Plan::new(Settings {
                smallest_effect,
                significance,
                power,
                split: Split::Planned(weights),
                ..settings()
            });
            for plan in [with(weights).ok(), Some(with(likely).expect("a plan"))].into_iter().flatten() {
                prop_assert!(plan.needed_time().is_finite() && plan.needed_time() > 0.0);
                prop_assert!(plan.difference_quantile() >= plan.rate_quantile());
                prop_assert!(plan.rate_quantile() > 0.0 && plan.difference_quantile().is_finite());
                prop_assert!((plan.parts().iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }
    }
}
