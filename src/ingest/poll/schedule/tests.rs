//! The schedule with simulated time.

mod holds;
mod lateness;
mod plan;

use proptest::prelude::*;

use super::*;

const CADENCES: Cadences = Cadences {
    numbers: Duration::from_secs(300),
    account: Duration::from_secs(900),
    templates: Duration::from_secs(900),
    insights: None,
    startup_spread: Duration::from_secs(200),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_775_000_000 + seconds)
}

fn account(number: usize) -> WabaId {
    WabaId::parse(&(8_000 + number).to_string()).expect("digits")
}

fn schedule_of(accounts: usize) -> Schedule {
    Schedule::new(
        (0..accounts).map(account),
        CADENCES,
        fastrand::Rng::with_seed(7),
        at(0),
    )
}

fn run_all_due(schedule: &mut Schedule, now: Timestamp) -> Vec<Task> {
    let mut ran = Vec::new();
    while let Some(task) = schedule.take_due(now) {
        schedule.started(&task, now);
        ran.push(task);
    }
    ran
}

#[test]
fn one_account_starts_at_once_and_many_spread_out() {
    assert_eq!(run_all_due(&mut schedule_of(1), at(0)).len(), 3);
    let mut many = schedule_of(10_000);
    assert_eq!(run_all_due(&mut many, at(0)).len(), 3);
    assert_eq!(run_all_due(&mut many, at(100)).len(), 3 * 5_000);
}

#[test]
fn the_first_polls_of_a_fleet_take_the_configured_time() {
    let cadences = Cadences {
        startup_spread: Duration::from_secs(60),
        ..CADENCES
    };
    let accounts = (0..10_000).map(account);
    let mut fleet = Schedule::new(accounts, cadences, fastrand::Rng::with_seed(7), at(0));
    assert_eq!(run_all_due(&mut fleet, at(30)).len(), 3 * 5_001);
    assert_eq!(run_all_due(&mut fleet, at(60)).len(), 3 * 4_999);
    // Known accounts do not delay a new one, whatever its place among them.
    fleet.add((0..=10_000).map(account), at(61));
    assert_eq!(run_all_due(&mut fleet, at(61)).len(), 3);
}

#[test]
fn a_poll_repeats_within_a_tenth_of_its_interval() {
    let mut schedule = schedule_of(1);
    for task in run_all_due(&mut schedule, at(0)) {
        schedule.finished(&task, at(1), NextPoll::AtCadence);
    }
    let numbers = schedule.next_wake().expect("something waits");
    assert!(numbers >= at(270) && numbers <= at(330), "{numbers}");
}

#[test]
fn retries_of_a_temporary_failure_back_off_up_to_the_interval() {
    let mut schedule = schedule_of(1);
    let tasks = run_all_due(&mut schedule, at(0));
    let numbers = tasks
        .iter()
        .find(|task| task.collector == Collector::Numbers)
        .expect("numbers");
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        schedule.finished(numbers, now, NextPoll::Retry);
        let due = schedule.next_wake().expect("it waits");
        waits.push(due.since(now).as_secs());
        now = due;
        assert!(schedule.take_due(now).is_some());
        schedule.started(numbers, now);
    }
    assert!(
        waits[0] <= 5 && waits[3] >= 30 && waits.iter().all(|wait| *wait <= 330),
        "{waits:?}"
    );
}

#[test]
fn a_poll_deferred_twice_counts_once_until_it_starts() {
    let mut schedule = schedule_of(1);
    let mut first_deferrals = Vec::new();
    for second in [0, 60, 120] {
        while let Some(task) = schedule.take_due(at(second)) {
            first_deferrals.push(schedule.put_off(
                &task,
                at(second + 60),
                DeferralReason::BudgetSpent,
            ));
        }
    }
    assert_eq!(
        first_deferrals,
        [[true; 3], [false; 3], [false; 3]].concat()
    );
    for task in run_all_due(&mut schedule, at(180)) {
        schedule.finished(&task, at(181), NextPoll::NotBefore(at(200)));
    }
    let task = schedule.take_due(at(200)).expect("due");
    assert!(schedule.put_off(&task, at(260), DeferralReason::BudgetSpent));
}

#[test]
fn triggers_coalesce_and_keep_a_minimum_distance() {
    let mut schedule = schedule_of(1);
    let tasks = run_all_due(&mut schedule, at(0));
    let numbers = Task {
        waba_id: account(0),
        collector: Collector::Numbers,
    };
    schedule.poll_soon(&numbers, at(0));
    for task in &tasks {
        schedule.finished(task, at(1), NextPoll::AtCadence);
    }
    for second in 1..5 {
        schedule.poll_soon(&numbers, at(second));
    }
    assert_eq!(run_all_due(&mut schedule, at(29)), []);
    assert_eq!(
        run_all_due(&mut schedule, at(30)),
        std::slice::from_ref(&numbers)
    );
    schedule.finished(&numbers, at(31), NextPoll::AtCadence);
    schedule.poll_soon(&numbers, at(100));
    assert_eq!(run_all_due(&mut schedule, at(102)), [numbers]);
}

proptest! {
    #[test]
    fn a_slot_is_never_taken_twice_at_a_time_and_never_lost(
        steps in prop::collection::vec((0..400_i64, 0..6_u8, any::<bool>()), 1..200),
    ) {
        let mut schedule = schedule_of(3);
        let mut running: Vec<Task> = Vec::new();
        let mut clock = 0;
        for (wait, how, trigger) in steps {
            clock += wait;
            while let Some(task) = schedule.take_due(at(clock)) {
                prop_assert!(!running.contains(&task));
                schedule.started(&task, at(clock));
                running.push(task);
            }
            if trigger && let Some(task) = running.first() {
                schedule.poll_soon(task, at(clock));
            }
            if let Some(task) = running.pop() {
                let next = match how {
                    0 => NextPoll::Retry,
                    1 => NextPoll::HoldAccount(None),
                    2 => NextPoll::NotBefore(at(clock + 60)),
                    3 => NextPoll::HoldApp,
                    _ => NextPoll::AtCadence,
                };
                schedule.finished(&task, at(clock), next);
            }
            prop_assert_eq!(schedule.waiting.len() + running.len(), 9);
        }
    }
}

fn task(number: usize, collector: Collector) -> Task {
    Task {
        waba_id: account(number),
        collector,
    }
}

/// When each poll is due, by account and collector.
fn dues(schedule: &Schedule) -> BTreeMap<Task, Timestamp> {
    let slots = schedule.slots.iter();
    slots.map(|(task, slot)| (task.clone(), slot.due)).collect()
}
