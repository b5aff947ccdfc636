//! The figures of one look, for every plan and every count.

use proptest::prelude::*;

use crate::experiment::{
    Arm, ArmCountError, Direction, Findings, Interval, Plan, Settings, Split, Verdict, judge,
};

use super::simulation::plan;

fn arms(counts: &[(u64, u64)]) -> Vec<Arm> {
    let arms = counts
        .iter()
        .map(|(users, successes)| Arm::new(*users, *successes).expect("an arm"));
    arms.collect()
}

fn judged(plan: &Plan, counts: &[(u64, u64)]) -> Findings {
    judge(plan, &arms(counts)).expect("as many variants as planned")
}

#[test]
fn an_experiment_without_users_has_no_rates_and_no_verdict() {
    let findings = judged(&plan(0.05, 0.05, 0.8, [1.0, 1.0]), &[(0, 0), (0, 0)]);
    for arm in &findings.arms {
        assert_eq!(arm.rate, None);
        assert_eq!(arm.bounds, Interval::ALL_RATES);
        assert_eq!(arm.still_needed, arm.needed);
        assert!(arm.needed > 1_000, "{arm:?}");
    }
    let [comparison] = findings.comparisons[..] else {
        panic!("one comparison");
    };
    assert_eq!(comparison.difference, None);
    assert_eq!(comparison.verdict, Verdict::NotEnough);
    assert_eq!(findings.split, None);
}

#[test]
fn a_clear_difference_is_found_and_its_direction_is_the_plans() {
    let higher = plan(0.05, 0.05, 0.8, [1.0, 1.0]);
    let lower = Plan::new(Settings {
        direction: Direction::LowerIsBetter,
        ..higher.settings().clone()
    })
    .expect("a plan");
    let counts = [(2_000, 800), (2_000, 1_000)];
    let findings = judged(&higher, &counts);
    assert_eq!(findings.comparisons[0].verdict, Verdict::BBetter);
    assert_eq!(findings.arms[1].rate, Some(0.5));
    let difference = findings.comparisons[0].difference.expect("users in both");
    assert!((difference.estimate - 0.1).abs() < 1e-12);
    assert!(findings.comparisons[0].always_valid.lower < difference.bounds.lower);
    assert!(findings.split.is_some_and(|split| !split.is_mismatch));
    let findings = judged(&lower, &counts);
    assert_eq!(findings.comparisons[0].verdict, Verdict::ABetter);
}

#[test]
fn equal_rates_of_many_users_are_no_difference() {
    let plan = plan(0.05, 0.05, 0.8, [1.0, 1.0]);
    let findings = judged(&plan, &[(10_000, 3_000), (10_000, 3_000)]);
    assert_eq!(findings.comparisons[0].verdict, Verdict::NoDifference);
    assert_eq!(findings.arms[0].still_needed, 0);
    let findings = judged(&plan, &[(100, 30), (100, 30)]);
    assert_eq!(findings.comparisons[0].verdict, Verdict::NotEnough);
}

#[test]
fn each_variant_is_compared_with_the_control_at_a_part_of_the_significance() {
    let two = plan(0.05, 0.05, 0.8, [1.0, 1.0]);
    let three = Plan::new(Settings {
        split: Split::Planned(vec![1.0, 1.0, 1.0]),
        ..two.settings().clone()
    })
    .expect("a plan");
    let of_two = judged(&two, &[(2_000, 800), (2_000, 1_000)]);
    let of_three = judged(&three, &[(2_000, 800), (2_000, 1_000), (2_000, 600)]);
    let verdicts: Vec<_> = of_three
        .comparisons
        .iter()
        .map(|comparison| comparison.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::BBetter, Verdict::ABetter]);
    let bounds = of_three.comparisons[0].always_valid;
    assert!(bounds.lower < of_two.comparisons[0].always_valid.lower);
    assert!(of_three.arms[0].needed > of_two.arms[0].needed);
}

#[test]
fn before_and_after_are_not_split_at_random() {
    let plan = Plan::new(Settings {
        split: Split::Unplanned(2),
        ..plan(0.05, 0.05, 0.8, [1.0, 1.0]).settings().clone()
    })
    .expect("a plan");
    let findings = judged(&plan, &[(50_000, 10_000), (500, 200)]);
    assert_eq!(findings.split, None);
    assert_eq!(findings.comparisons[0].verdict, Verdict::BBetter);
}

#[test]
fn a_split_other_than_planned_is_found() {
    let plan = plan(0.05, 0.05, 0.8, [1.0, 1.0]);
    let findings = judged(&plan, &[(1_000, 300), (800, 300)]);
    assert!(findings.split.is_some_and(|split| split.is_mismatch));
}

#[test]
fn the_expected_rate_counts_until_users_come() {
    let unknown = plan(0.02, 0.05, 0.8, [1.0, 1.0]);
    let known = Plan::new(Settings {
        expected_rate: Some(0.05),
        ..unknown.settings().clone()
    })
    .expect("a plan");
    let needed = |plan, counts: &[(u64, u64)]| judged(plan, counts).arms[0].needed;
    let none = [(0, 0), (0, 0)];
    assert!(needed(&known, &none) * 3 < needed(&unknown, &none));
    let many = [(100_000, 5_000), (0, 0)];
    assert!(needed(&known, &many).abs_diff(needed(&unknown, &many)) < 5);
}

#[test]
fn variants_must_be_those_of_the_plan() {
    let plan = plan(0.05, 0.05, 0.8, [1.0, 1.0]);
    for given in [0, 1, 3] {
        let error = judge(&plan, &vec![Arm::default(); given]);
        let expected = ArmCountError { planned: 2, given };
        assert_eq!(error.expect_err("a wrong number"), expected);
    }
}

prop_compose! {
    fn any_plan()(
        smallest_effect in 0.0001..=0.99_f64,
        significance in 0.0001..=0.5_f64,
        power in 0.5..=0.999_f64,
        is_lower_better in any::<bool>(),
        weights in prop::collection::vec(0.02..1.0_f64, 2..=10),
        expected_rate in prop::option::of(0.0..=1.0_f64),
    ) -> Plan {
        let direction = if is_lower_better { Direction::LowerIsBetter } else { Direction::HigherIsBetter };
        let split = Split::Planned(weights);
        let settings = Settings { smallest_effect, significance, power, direction, split, expected_rate };
        Plan::new(settings).expect("a plan")
    }
}

/// Users and successes of any order of magnitude.
fn any_count() -> impl Strategy<Value = (u64, u64)> {
    let up_to = |shift: u32| (0..=u64::MAX >> shift, 0..=u64::MAX >> shift);
    (0..64_u32)
        .prop_flat_map(up_to)
        .prop_map(|(one, other)| (one.max(other), one.min(other)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the plan and the counts, nothing panics, and all figures are finite and in their ranges.
    #[test]
    fn all_figures_are_in_their_ranges(
        plan in any_plan(),
        counts in prop::collection::vec(any_count(), 10),
    ) {
        let findings = judged(&plan, &counts[..plan.parts().len()]);
        for arm in &findings.arms {
            prop_assert!(0.0 <= arm.bounds.lower && arm.bounds.upper <= 1.0);
            prop_assert!(arm.rate.is_none_or(|rate| arm.bounds.contains(rate)));
            prop_assert!(arm.needed >= 20 && arm.needed < u64::MAX / 2);
            prop_assert!(arm.still_needed <= arm.needed);
        }
        for comparison in &findings.comparisons {
            let bounds = comparison.always_valid;
            prop_assert!(-1.0 <= bounds.lower && bounds.lower <= bounds.upper && bounds.upper <= 1.0);
            if let Some(difference) = comparison.difference {
                prop_assert!(bounds.contains(difference.estimate));
                prop_assert!(difference.bounds.contains(difference.estimate));
            }
        }
        if let Some(split) = findings.split {
            prop_assert!(split.chi_square.is_finite() && (0.0..=1.0).contains(&split.p_value));
        }
    }

    /// The bounds for all looks are never closer than those for one look.
    #[test]
    fn bounds_for_all_looks_contain_those_for_one(
        plan in any_plan(),
        counts in prop::collection::vec(any_count(), 10),
    ) {
        let findings = judged(&plan, &counts[..plan.parts().len()]);
        for comparison in &findings.comparisons {
            if let Some(difference) = comparison.difference {
                prop_assert!(comparison.always_valid.lower <= difference.bounds.lower);
                prop_assert!(comparison.always_valid.upper >= difference.bounds.upper);
            }
        }
    }

    /// Swapping the control and the variant changes only the names in the verdict.
    #[test]
    fn swapping_two_variants_swaps_the_verdict(
        smallest_effect in 0.01..0.5_f64,
        control in (20_u64..5_000, 0.0..=1.0_f64),
        variant in (20_u64..5_000, 0.0..=1.0_f64),
    ) {
        let plan = plan(smallest_effect, 0.05, 0.8, [1.0, 1.0]);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a few thousand users"
        )]
        let [control, variant] =
            [control, variant].map(|(users, rate)| (users, (users as f64 * rate) as u64));
        let verdict = judged(&plan, &[control, variant]).comparisons[0].verdict;
        let swapped = judged(&plan, &[variant, control]).comparisons[0].verdict;
        let expected = match verdict {
            Verdict::ABetter => Verdict::BBetter,
            Verdict::BBetter => Verdict::ABetter,
            other => other,
        };
        prop_assert_eq!(swapped, expected);
    }
}
