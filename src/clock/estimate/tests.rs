//! The estimated time with wrong clocks, wrong responses and late deliveries.

use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400_000;
/// Meta's time when the machine booted.
const BOOTED: i64 = 1_795_000_000_000;

/// The clocks of a machine whose clock is wrong by `skew`, at this time after its boot.
fn reading(boot: i64, skew: i64) -> ClockReading {
    let wall = BOOTED + boot + skew;
    ClockReading { wall, boot }
}

/// Observes a response that took 200 ms, with Meta's clock off by `error`.
fn answer(estimate: &mut Estimate, boot: i64, skew: i64, error: i64) {
    let date = (BOOTED + boot - 100 + error).div_euclid(1_000) * 1_000;
    estimate.observe_answer(date, boot - 200, reading(boot, skew));
}

fn error_of(estimate: &Estimate, boot: i64, skew: i64) -> i64 {
    estimate.time(reading(boot, skew)) - (BOOTED + boot)
}

#[test]
fn a_correct_clock_is_used_unchanged() {
    let mut estimate = Estimate::new();
    assert_eq!(estimate.skew(reading(5_000, 0)), None);
    answer(&mut estimate, 5_000, 0, 0);
    assert_eq!(error_of(&estimate, 9_000, 0), 0);
    assert_eq!(estimate.skew(reading(9_000, 0)), Some(0));
}

/// The two clocks are not read at the same moment, and in whole milliseconds.
#[test]
fn inaccurate_readings_do_not_step_back() {
    let mut estimate = Estimate::new();
    let mut latest = i64::MIN;
    for (which, skew) in [3, 0, 4, -1, 3, 2].into_iter().enumerate() {
        let boot = 5_000 + i64::try_from(which).expect("small");
        answer(&mut estimate, boot, skew, 0);
        let time = estimate.time(reading(boot, skew));
        assert!(time > latest, "{time} after {latest}");
        latest = time;
    }
    // A correction by NTP is followed.
    answer(&mut estimate, 9_000, 60, 0);
    assert_eq!(error_of(&estimate, 9_000, 0), 60);
}

#[test]
fn the_first_response_reveals_a_wrong_clock() {
    for skew in [365 * DAY, -3 * DAY, 90_000, -90_000] {
        let mut estimate = Estimate::new();
        answer(&mut estimate, 5_000, skew, 0);
        let error = error_of(&estimate, 5_000, skew);
        assert!(error.abs() < 2_500, "{skew}: {error}");
        // The machine's clock is set right, or wrong in another way: the estimate continues.
        for skew in [0, DAY] {
            assert_eq!(error_of(&estimate, 60_000, skew), error);
            let found = estimate.skew(reading(60_000, skew));
            assert_eq!(found, Some(skew - error));
        }
    }
}

#[test]
fn a_single_response_with_a_wrong_date_has_no_lasting_effect() {
    let mut estimate = Estimate::new();
    for second in 5..9 {
        answer(&mut estimate, second * 1_000, DAY, 0);
    }
    let error = error_of(&estimate, 9_000, DAY);
    answer(&mut estimate, 9_000, DAY, 300 * DAY);
    assert_eq!(error_of(&estimate, 9_000, DAY), error);
    // Also if it is the first: the next two outvote it.
    let mut estimate = Estimate::new();
    answer(&mut estimate, 5_000, 0, 300 * DAY);
    answer(&mut estimate, 6_000, 0, 0);
    answer(&mut estimate, 7_000, 0, 0);
    assert_eq!(error_of(&estimate, 7_000, 0), 0);
    assert_eq!(estimate.corrections(), 2, "the second took back 300 days");
}

#[test]
fn a_pause_of_the_virtual_machine_is_detected_when_its_clock_is_set() {
    let mut estimate = Estimate::new();
    estimate.observe_machine(reading(5_000, 0));
    for second in 5..20 {
        answer(&mut estimate, second * 1_000, 0, 0);
    }
    assert_eq!(estimate.observe_machine(reading(20_000, 900)), None);
    // The virtual machine was paused for an hour: the time since boot lacks this hour, and the clock is set forward by
    // it.
    let resumed = |boot| reading(boot, 3_600_000);
    assert_eq!(estimate.observe_machine(resumed(21_000)), Some(3_599_100));
    for boot in [21_000, 22_000, 23_000] {
        let date = (resumed(boot).wall - 100).div_euclid(1_000) * 1_000;
        estimate.observe_answer(date, boot - 200, resumed(boot));
    }
    assert_eq!(estimate.time(resumed(23_000)), resumed(23_000).wall);
}

#[test]
fn webhooks_alone_confirm_a_clock_or_show_that_it_is_behind() {
    let mut estimate = Estimate::new();
    let at = |boot| reading(boot, 0);
    estimate.observe_delivery(BOOTED - DAY, at(1_000));
    assert_eq!(estimate.skew(at(1_000)), None, "it may be a late one");
    assert_eq!(estimate.least_time(at(2_000)), Some(BOOTED - DAY + 1_000));
    estimate.observe_delivery(BOOTED + 2_000, at(3_000));
    assert_eq!(estimate.skew(at(3_000)), Some(0));
    // A confirmed estimate continues by itself, whatever the machine's clock is set to.
    assert_eq!(estimate.time(reading(9_000, 365 * DAY)), BOOTED + 9_000);

    let mut estimate = Estimate::new();
    let behind = |boot| reading(boot, -3 * DAY);
    estimate.observe_delivery(BOOTED + 40 * DAY, behind(500));
    assert_eq!(
        estimate.time(behind(500)),
        behind(500).wall,
        "one may be an error"
    );
    for boot in [1_000, 2_000, 3_000] {
        estimate.observe_delivery(BOOTED + boot - 500, behind(boot));
    }
    let error = error_of(&estimate, 4_000, -3 * DAY);
    assert!((-1_000..=0).contains(&error), "{error}");
    assert_eq!(
        estimate.least_time(behind(4_000)),
        None,
        "it is not certain"
    );
}

#[test]
fn correct_deliveries_outvote_wrong_ones() {
    let at = |boot| reading(boot, 0);
    let mut estimate = Estimate::new();
    estimate.observe_delivery(BOOTED + 900, at(1_000));
    for boot in 1_000..1_010 {
        estimate.observe_delivery(BOOTED + 365 * DAY, at(boot));
    }
    assert!(estimate.time(at(1_010)) > BOOTED + 364 * DAY);
    assert!(
        estimate.least_time(at(1_010)) < Some(BOOTED + 2_000),
        "nothing expires"
    );
    for boot in 2_000..2_003 {
        estimate.observe_delivery(BOOTED + boot, at(boot));
    }
    assert_eq!(estimate.time(at(3_000)), BOOTED + 3_000);
    // Deliveries do not move an estimate from responses, in this process or an earlier one.
    let mut estimate = Estimate::new();
    estimate.restore(BOOTED, Some(BOOTED), at(1_000));
    for boot in 1_000..1_010 {
        estimate.observe_delivery(BOOTED + 365 * DAY, at(boot));
    }
    assert_eq!(estimate.time(at(3_000)), BOOTED + 3_000);
}

#[test]
fn one_wrong_response_after_setting_the_clock_changes_nothing() {
    let mut estimate = Estimate::new();
    estimate.observe_machine(reading(4_000, 0));
    for second in 5..10 {
        answer(&mut estimate, second * 1_000, 0, 0);
    }
    assert!(estimate.observe_machine(reading(10_000, 2_000)).is_some());
    for second in 11..13 {
        answer(&mut estimate, second * 1_000, 2_000, 300 * DAY);
        assert_eq!(error_of(&estimate, second * 1_000, 2_000), 0);
    }
    answer(&mut estimate, 13_000, 2_000, 300 * DAY);
    assert!(
        error_of(&estimate, 13_000, 2_000) > 299 * DAY,
        "three agree"
    );
}

#[test]
fn a_restored_time_is_a_lower_bound_and_within_one_boot_an_estimate() {
    let mut estimate = Estimate::new();
    estimate.restore(BOOTED, None, reading(5_000, -3 * DAY));
    assert_eq!(estimate.time(reading(6_000, -3 * DAY)), BOOTED + 1_000);
    assert_eq!(estimate.time(reading(6_000, DAY)), BOOTED + 6_000 + DAY);
    assert_eq!(estimate.skew(reading(6_000, DAY)), None);
    let mut estimate = Estimate::new();
    estimate.restore(BOOTED + 4_000, Some(BOOTED), reading(5_000, DAY));
    assert_eq!(error_of(&estimate, 6_000, DAY), 0);
}

proptest! {
    /// However wrong the machine's clock is and however it is set, even if every third response has an arbitrary
    /// date: the estimate is right to within three seconds, and never moves backwards by more.
    #[test]
    fn a_majority_of_correct_responses_gives_the_right_time(
        skews in prop::collection::vec(-1_000 * DAY..1_000 * DAY, 3..40),
        errors in prop::collection::vec(-1_000 * DAY..1_000 * DAY, 40),
        took in prop::collection::vec(1_i64..2_000, 40),
    ) {
        let mut estimate = Estimate::new();
        let mut boot = 10_000;
        for (place, skew) in skews.iter().enumerate() {
            boot += took[place];
            let error = if place % 3 == 2 { errors[place] } else { 0 };
            answer(&mut estimate, boot, *skew, error);
            let error = error_of(&estimate, boot, *skew);
            prop_assert!(error.abs() <= 3_000, "{error}");
        }
    }
}
