//! Simulated experiments: users who come at random and succeed at random, with a look at the end of every day.

use fastrand::Rng;

use crate::experiment::{Arm, Direction, Plan, Settings, Split, Verdict, judge};

/// Number of users of each of the two variants on each day.
#[derive(Clone, Copy, Debug)]
pub enum Arrivals {
    /// The same number each day.
    Steady([u64; 2]),
    /// A random number each day, with these means.
    Poisson([f64; 2]),
}

/// The true values of a simulated experiment, which the plan does not use.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub rates: [f64; 2],
    pub arrivals: Arrivals,
    pub days: u32,
}

/// The first final verdict with its users of both variants, or `NotEnough` with all users.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    pub users: u64,
    /// Whether the bounds of all looks until the end contained the true difference.
    pub is_covered: bool,
    /// Whether the split was a mismatch on any day.
    pub is_mismatch: bool,
}

pub fn plan(smallest_effect: f64, significance: f64, power: f64, weights: [f64; 2]) -> Plan {
    Plan::new(Settings {
        smallest_effect,
        significance,
        power,
        direction: Direction::HigherIsBetter,
        split: Split::Planned(weights.to_vec()),
        expected_rate: None,
    })
    .expect("a plan")
}

/// Users of both variants that are needed at this rate of the control.
pub fn needed(plan: &Plan, rate: f64) -> [u64; 2] {
    let plan = Plan::new(Settings {
        expected_rate: Some(rate),
        ..plan.settings().clone()
    })
    .expect("a plan");
    let findings = judge(&plan, &[Arm::default(); 2]).expect("two variants");
    [findings.arms[0].needed, findings.arms[1].needed]
}

pub fn run(plan: &Plan, world: World, random: &mut Rng) -> Outcome {
    let mut counts = [(0, 0); 2];
    let mut verdict = Verdict::NotEnough;
    let mut outcome = Outcome {
        verdict,
        users: 0,
        is_covered: true,
        is_mismatch: false,
    };
    for _ in 0..world.days {
        for (place, (users, successes)) in counts.iter_mut().enumerate() {
            let came = match world.arrivals {
                Arrivals::Steady(daily) => daily[place],
                Arrivals::Poisson(daily) => poisson(daily[place], random),
            };
            *users += came;
            *successes += binomial(came, world.rates[place], random);
        }
        let arms = counts.map(|(users, successes)| Arm::new(users, successes).expect("an arm"));
        let findings = judge(plan, &arms).expect("two variants");
        let comparison = findings.comparisons[0];
        // The first verdict counts.
        if verdict == Verdict::NotEnough {
            outcome.users = arms.iter().map(|arm| arm.users()).sum();
            verdict = comparison.verdict;
        }
        let difference = world.rates[1] - world.rates[0];
        outcome.is_covered &= comparison.always_valid.contains(difference);
        outcome.is_mismatch |= findings.split.is_some_and(|split| split.is_mismatch);
    }
    Outcome { verdict, ..outcome }
}

/// The share of experiments that meet a condition.
pub fn share(outcomes: &[Outcome], holds: impl Fn(&Outcome) -> bool) -> f64 {
    let count = outcomes.iter().filter(|outcome| holds(outcome)).count();
    let count = u32::try_from(count).expect("few experiments");
    f64::from(count) / f64::from(u32::try_from(outcomes.len()).expect("few experiments"))
}

/// Experiments with a random start that is the same in each run of the tests.
pub fn runs(plan: &Plan, world: World, number: u32) -> Vec<Outcome> {
    let mut random = Rng::with_seed(1998);
    (0..number).map(|_| run(plan, world, &mut random)).collect()
}

/// Successes of independent users, 64 at a time: their random numbers are compared with the rate bit by bit.
fn binomial(users: u64, rate: f64, random: &mut Rng) -> u64 {
    let mut left = users;
    let mut successes = 0;
    while left > 0 {
        let lanes = left.min(64);
        left -= lanes;
        let mut undecided = u64::MAX >> (64 - lanes);
        let mut rest = rate;
        while undecided != 0 && rest > 0.0 {
            rest *= 2.0;
            let bits = random.u64(..);
            if rest >= 1.0 {
                rest -= 1.0;
                successes += u64::from((undecided & !bits).count_ones());
                undecided &= bits;
            } else {
                undecided &= !bits;
            }
        }
    }
    successes
}

/// A Poisson number: the events of a day, whose distances are exponential.
fn poisson(mean: f64, random: &mut Rng) -> u64 {
    let mut time = 0.0;
    let mut events = 0;
    loop {
        time -= (1.0 - random.f64()).ln();
        if time > mean {
            return events;
        }
        events += 1;
    }
}

#[test]
fn random_counts_have_the_right_mean_and_variance() {
    let mut random = Rng::with_seed(7);
    let mut check = |draw: &dyn Fn(&mut Rng) -> u64, mean: f64, variance: f64| {
        let number = 4_000;
        let draws: Vec<f64> = (0..number)
            .map(|_| f64::from(u32::try_from(draw(&mut random)).expect("a small count")))
            .collect();
        let seen_mean = draws.iter().sum::<f64>() / f64::from(number);
        let squares = draws.iter().map(|draw| (draw - seen_mean).powi(2));
        let seen_variance = squares.sum::<f64>() / f64::from(number);
        let error = (variance / f64::from(number)).sqrt();
        assert!((seen_mean - mean).abs() < 4.0 * error, "{seen_mean} {mean}");
        assert!(
            (seen_variance / variance - 1.0).abs() < 0.15,
            "{seen_variance} {variance}"
        );
    };
    check(&|random| binomial(100, 0.3, random), 30.0, 21.0);
    check(&|random| binomial(65, 0.9, random), 58.5, 5.85);
    check(&|random| poisson(12.0, random), 12.0, 12.0);
}

#[test]
fn certain_outcomes_are_certain() {
    let mut random = Rng::with_seed(7);
    assert_eq!(binomial(1_000, 0.0, &mut random), 0);
    assert_eq!(binomial(1_000, 1.0, &mut random), 1_000);
    assert_eq!(binomial(1_000, 0.0_f64.next_up(), &mut random), 0);
}
