//! What one look at an experiment shows.

use thiserror::Error;

use super::arm::{Arm, float};
use super::interval::Interval;
use super::needed;
use super::newcombe::{self, Difference};
use super::plan::{Plan, Split};
use super::sequential;
use super::split::{self, SplitCheck};
use super::verdict::{self, Verdict};
use super::wilson;

/// Weight of the expected rate against the observed one, in users.
const EXPECTATION: f64 = 2.0;

/// All that one look shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The variants, the control first.
    pub arms: Vec<ArmFindings>,
    /// The comparison of each other variant with the control, in the order of the variants.
    pub comparisons: Vec<Comparison>,
    /// Whether the split of the users is as planned. `None` if no split was planned, and while there are too few users.
    /// With a mismatch, no verdict is valid.
    pub split: Option<SplitCheck>,
}

/// One variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmFindings {
    /// Users and successes.
    pub arm: Arm,
    /// Successes per user. `None` without users.
    pub rate: Option<f64>,
    /// Wilson's bounds of the rate, for this look alone.
    pub bounds: Interval,
    /// Number of users with whom the plan's power is reached, computed with the current rate of the control.
    pub needed: u64,
    /// Number of users still to come. An earlier verdict is equally valid.
    pub still_needed: u64,
}

/// One variant (B) against the control (A).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The variant's rate minus the control's with Newcombe's bounds, for this look alone. `None` while one of the two
    /// has no users.
    pub difference: Option<Difference>,
    /// Bounds of the same difference that hold for all looks together. The verdict follows from them.
    pub always_valid: Interval,
    /// The verdict of this look.
    pub verdict: Verdict,
}

/// The number of variants differs from that of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{given} variants are given, but the plan has {planned}: give each of its variants, in its order"
)]
pub struct ArmCountError {
    /// Variants of the plan.
    pub planned: usize,
    /// Variants that were given.
    pub given: usize,
}

/// Judges the current counts of an experiment. The first variant is the control. A variant without users has an arm,
/// too.
///
/// # Errors
///
/// Fails if there are more or fewer variants than in the plan.
pub fn judge(plan: &Plan, arms: &[Arm]) -> Result<Findings, ArmCountError> {
    let count_error = ArmCountError {
        planned: plan.parts().len(),
        given: arms.len(),
    };
    if count_error.planned != count_error.given {
        return Err(count_error);
    }
    let Some((control, variants)) = arms.split_first() else {
        return Err(count_error);
    };
    let split = match plan.settings().split {
        Split::Planned(_) => split::check(plan.parts(), arms),
        Split::Unplanned(_) => None,
    };
    let needed = needed_users(plan, *control);
    Ok(Findings {
        arms: arms
            .iter()
            .zip(needed)
            .map(|(arm, needed)| arm_findings(plan, *arm, needed))
            .collect(),
        comparisons: variants
            .iter()
            .map(|variant| compare(plan, *control, *variant))
            .collect(),
        split,
    })
}

fn arm_findings(plan: &Plan, arm: Arm, needed: u64) -> ArmFindings {
    ArmFindings {
        arm,
        rate: arm.rate(),
        bounds: wilson::interval(arm, plan.rate_quantile()),
        needed,
        still_needed: needed.saturating_sub(arm.users()),
    }
}

fn compare(plan: &Plan, control: Arm, variant: Arm) -> Comparison {
    let smallest_effect = plan.settings().smallest_effect;
    let always_valid = sequential::bounds(control, variant, smallest_effect, plan.boundary());
    Comparison {
        difference: newcombe::difference(control, variant, plan.difference_quantile()),
        always_valid,
        verdict: verdict::from_bounds(always_valid, smallest_effect, plan.settings().direction),
    }
}

/// The number of users that each variant needs, the control first.
fn needed_users(plan: &Plan, control: Arm) -> Vec<u64> {
    let expected = plan.settings().expected_rate.unwrap_or(0.5);
    let control_rate = (float(control.successes()) + EXPECTATION * expected)
        / (float(control.users()) + EXPECTATION);
    let mut of_control = 0.0_f64;
    let mut needed = vec![0];
    let parts = plan.parts();
    for part in &parts[1..] {
        let [control, variant] = needed::users(
            [parts[0], *part],
            control_rate,
            plan.settings().smallest_effect,
            plan.needed_time(),
        );
        of_control = of_control.max(control);
        needed.push(whole(variant));
    }
    needed[0] = whole(of_control);
    needed
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number of users, neither negative nor above 1e18"
)]
fn whole(users: f64) -> u64 {
    users as u64
}
