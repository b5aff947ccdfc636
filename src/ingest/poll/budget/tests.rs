//! The call budget with simulated time.

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_775_000_000 + seconds)
}

fn limited_until(seconds: i64) -> Result<(), Deferral> {
    Err(Deferral {
        until: at(seconds),
        reason: DeferralReason::RateLimit,
    })
}

fn collector() -> impl Strategy<Value = Collector> {
    prop_oneof![
        Just(Collector::Numbers),
        Just(Collector::Account),
        Just(Collector::Templates),
        Just(Collector::Insights)
    ]
}

proptest! {
    #[test]
    fn no_hour_ever_has_more_calls_than_the_budget(
        calls_per_hour in 1..40_u32,
        asks in prop::collection::vec((0..200_i64, collector()), 1..400),
    ) {
        let mut budget = Budget::new(calls_per_hour, 0.75);
        let (mut clock, mut granted) = (0, Vec::new());
        for (wait, collector) in asks {
            clock += wait;
            if budget.take(collector, at(clock)).is_ok() {
                granted.push(clock);
            }
        }
        for start in &granted {
            let in_the_hour = granted.iter().filter(|call| (*start..*start + 3_600).contains(*call));
            prop_assert!(in_the_hour.count() <= calls_per_hour as usize);
        }
    }
}

#[test]
fn insights_wait_first_and_numbers_last() {
    let mut budget = Budget::new(100, 0.75);
    let grant = |budget: &mut Budget, collector| {
        (0..200)
            .filter(|_| budget.take(collector, at(0)).is_ok())
            .count()
    };
    assert_eq!(grant(&mut budget, Collector::Insights), 50);
    assert_eq!(grant(&mut budget, Collector::Templates), 25);
    assert_eq!(grant(&mut budget, Collector::Account), 15);
    assert_eq!(grant(&mut budget, Collector::Numbers), 10);
    let spent = budget
        .take(Collector::Numbers, at(0))
        .expect_err("all are taken");
    assert_eq!(
        (spent.reason, spent.until),
        (DeferralReason::BudgetSpent, at(60))
    );
    assert_eq!(budget.take(Collector::Numbers, at(3_700)), Ok(()));
}

#[test]
fn a_later_owner_goes_on_where_the_earlier_one_ended() {
    let mut earlier = Budget::new(3, 0.75);
    for second in [0, 10, 70] {
        assert_eq!(earlier.take(Collector::Numbers, at(second)), Ok(()));
    }
    let spent = earlier.spent(at(71));
    let by_minute = vec![(at(0), 2), (at(70), 1)];
    assert_eq!((&spent.by_minute, spent.held_until), (&by_minute, None));

    let mut later = Budget::new(3, 0.75);
    later.restore(&spent, at(100));
    let refusal = later.take(Collector::Numbers, at(100));
    assert!(refusal.is_err_and(|one| one.reason == DeferralReason::BudgetSpent));
    assert_eq!(later.take(Collector::Numbers, at(3_660)), Ok(()));
    // Its own calls do not count twice.
    let own = later.spent(at(3_661));
    later.restore(&own, at(3_661));
    assert_eq!(later.spent(at(3_661)), own);
}

#[test]
fn a_hold_is_kept_by_a_later_owner_but_never_for_more_than_an_hour() {
    let mut earlier = Budget::new(100, 0.75);
    earlier.hold(at(600));
    let mut later = Budget::new(100, 0.75);
    later.restore(&earlier.spent(at(0)), at(0));
    assert_eq!(later.begin(Collector::Numbers, at(1)), limited_until(600));
    assert_eq!(later.begin(Collector::Numbers, at(600)), Ok(()));
    assert_eq!(earlier.spent(at(600)).held_until, None);

    let year = 31_536_000;
    let of_a_wrong_clock = SpentCalls {
        by_minute: vec![(at(year), 100)],
        held_until: Some(at(year)),
    };
    let mut later = Budget::new(100, 0.75);
    later.restore(&of_a_wrong_clock, at(0));
    assert_eq!(later.begin(Collector::Numbers, at(1)), limited_until(3_600));
    assert_eq!(later.spent(at(1)).by_minute, [(at(0), 100)]);
    assert_eq!(later.take(Collector::Numbers, at(3_660)), Ok(()));
}

#[test]
fn metas_usage_figures_are_respected_until_they_are_too_old() {
    let mut budget = Budget::new(1_000, 0.75);
    budget.note_usage(0.8, None, at(0));
    assert_eq!(
        budget.begin(Collector::Templates, at(1)),
        limited_until(720)
    );
    assert_eq!(budget.begin(Collector::Account, at(1)), Ok(()));
    budget.note_usage(0.97, None, at(0));
    assert_eq!(budget.begin(Collector::Account, at(1)), limited_until(660));
    assert_eq!(budget.begin(Collector::Templates, at(720)), Ok(()));
    budget.note_usage(1.0, Some(Duration::from_secs(1_800)), at(800));
    assert_eq!(
        budget.begin(Collector::Numbers, at(801)),
        limited_until(2_600)
    );
    assert_eq!(budget.begin(Collector::Numbers, at(2_600)), Ok(()));
}

#[test]
fn near_the_limit_numbers_are_polled_rarely_but_with_all_pages() {
    let mut budget = Budget::new(1_000, 0.75);
    assert_eq!(budget.begin(Collector::Numbers, at(0)), Ok(()));
    budget.note_usage(0.97, None, at(590));
    assert_eq!(
        budget.begin(Collector::Numbers, at(600)),
        limited_until(900)
    );
    budget.note_usage(0.97, None, at(895));
    assert_eq!(budget.begin(Collector::Numbers, at(900)), Ok(()));
    assert_eq!(budget.take(Collector::Numbers, at(901)), Ok(()));
    assert_eq!(budget.take(Collector::Numbers, at(902)), Ok(()));
    budget.note_usage(0.5, None, at(903));
    assert_eq!(budget.begin(Collector::Numbers, at(910)), Ok(()));
}
