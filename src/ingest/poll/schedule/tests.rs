//! The schedule with simulated time.

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
fn a_rate_limit_holds_the_whole_account_and_only_it() {
    let mut schedule = schedule_of(2);
    let tasks = run_all_due(&mut schedule, at(1));
    for task in &tasks {
        let next = if *task.waba_id.as_str() == *account(0).as_str()
            && task.collector == Collector::Templates
        {
            NextPoll::HoldAccount(Some(Duration::from_secs(3_000)))
        } else {
            NextPoll::AtCadence
        };
        schedule.finished(task, at(2), next);
    }
    let ran = run_all_due(&mut schedule, at(2_900));
    assert!(
        ran.len() == 3 && ran.iter().all(|task| task.waba_id == account(1)),
        "{ran:?}"
    );
    assert_eq!(run_all_due(&mut schedule, at(3_002)).len(), 3);
}

#[test]
fn triggers_and_running_polls_do_not_end_a_hold() {
    let mut schedule = schedule_of(1);
    let tasks = run_all_due(&mut schedule, at(0));
    let hold = NextPoll::HoldAccount(Some(Duration::from_secs(3_000)));
    schedule.finished(&tasks[0], at(1), hold);
    for task in &tasks[1..] {
        schedule.finished(task, at(2), NextPoll::AtCadence);
        schedule.poll_soon(task, at(3));
    }
    assert_eq!(run_all_due(&mut schedule, at(3_000)), []);
    assert_eq!(run_all_due(&mut schedule, at(3_001)).len(), 3);
}

#[test]
fn a_rejected_token_holds_all_its_accounts_and_one_returns_first() {
    let mut schedule = schedule_of(3);
    let failed = schedule.take_due(at(0)).expect("due at once");
    schedule.started(&failed, at(0));
    schedule.finished(&failed, at(0), NextPoll::HoldApp);
    let of_the_app = [account(0), account(2)];
    schedule.hold_app(&of_the_app, at(0));
    let ran = run_all_due(&mut schedule, at(299));
    assert!(
        ran.len() == 3 && ran.iter().all(|task| task.waba_id == account(1)),
        "{ran:?}"
    );
    let first = run_all_due(&mut schedule, at(300));
    assert!(
        first.len() == 3 && first.iter().all(|task| task.waba_id == account(0)),
        "{first:?}"
    );
}

#[test]
fn a_poll_deferred_twice_counts_once_until_it_starts() {
    let mut schedule = schedule_of(1);
    let mut update = Vec::new();
    for second in [0, 60, 120] {
        while let Some(task) = schedule.take_due(at(second)) {
            update.push(schedule.put_off(&task, at(second + 60), DeferralReason::BudgetSpent));
        }
    }
    assert_eq!(update, [[true; 3], [false; 3], [false; 3]].concat());
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

#[test]
fn an_app_rate_limit_pauses_all_its_accounts_and_an_account_rate_limit_only_one() {
    for (next, held) in [
        (NextPoll::LimitApp(Some(Duration::from_secs(120))), true),
        (NextPoll::HoldAccount(Some(Duration::from_secs(120))), false),
    ] {
        let mut schedule = schedule_of(3);
        let failed = schedule.take_due(at(0)).expect("due at once");
        schedule.started(&failed, at(0));
        schedule.finished(&failed, at(0), next);
        assert!(schedule.is_held(&failed.waba_id, at(119)));
        if let NextPoll::LimitApp(_) = next {
            schedule.limit_app(&[account(0), account(1)], &failed.waba_id);
        }
        assert_eq!(schedule.is_held(&account(1), at(119)), held);
        assert!(
            !schedule.is_held(&account(2), at(1)),
            "another app's account"
        );
        assert!(!schedule.is_held(&account(1), at(121)));
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

#[test]
fn a_plan_without_changes_moves_no_poll() {
    let mut schedule = schedule_of(3);
    for task in run_all_due(&mut schedule, at(1)) {
        let next = match task.collector {
            Collector::Numbers => NextPoll::Retry,
            Collector::Account => NextPoll::NotBefore(at(500)),
            Collector::Templates | Collector::Insights | Collector::Other => NextPoll::AtCadence,
        };
        schedule.finished(&task, at(2), next);
    }
    let before = dues(&schedule);
    for second in 3..403 {
        schedule.add((0..3).map(account), at(second));
        schedule.set_cadences(CADENCES, at(second));
    }
    assert_eq!(dues(&schedule), before);
}

#[test]
fn a_changed_interval_moves_only_polls_that_wait_for_it() {
    let mut schedule = schedule_of(1);
    for task in run_all_due(&mut schedule, at(0)) {
        let next = match task.collector {
            Collector::Account => NextPoll::NotBefore(at(700)),
            Collector::Numbers | Collector::Templates | Collector::Insights | Collector::Other => {
                NextPoll::AtCadence
            }
        };
        schedule.finished(&task, at(1), next);
    }
    let before = dues(&schedule);
    let shorter = Cadences {
        account: Duration::from_secs(30),
        templates: Duration::from_secs(400),
        ..CADENCES
    };
    schedule.set_cadences(shorter, at(100));
    let (numbers, node, templates) = (
        task(0, Collector::Numbers),
        task(0, Collector::Account),
        task(0, Collector::Templates),
    );
    let now = dues(&schedule);
    assert_eq!(now[&numbers], before[&numbers], "its own did not change");
    assert_eq!(now[&node], at(700), "it waits for what Meta asked");
    assert!(
        (at(360)..=at(440)).contains(&now[&templates]),
        "{:?}",
        now[&templates]
    );
    // If the new interval has already passed, the poll is due at once, but not in the past.
    let shortest = Cadences {
        templates: Duration::from_secs(1),
        ..shorter
    };
    schedule.set_cadences(shortest, at(200));
    assert_eq!(dues(&schedule)[&templates], at(200));
}

#[test]
fn new_accounts_start_at_once_and_removed_ones_lose_all_polls() {
    let mut schedule = schedule_of(2);
    for task in run_all_due(&mut schedule, at(1)) {
        schedule.finished(&task, at(2), NextPoll::AtCadence);
    }
    schedule.remove(&account(0));
    schedule.add([1, 7].map(account), at(10));
    let began = run_all_due(&mut schedule, at(11));
    assert!(
        began.len() == 3 && began.iter().all(|task| task.waba_id == account(7)),
        "{began:?}"
    );
    assert!(
        dues(&schedule)
            .keys()
            .all(|task| task.waba_id != account(0))
    );
}

#[test]
fn new_credentials_end_rejections_but_not_rate_limits() {
    let mut schedule = schedule_of(2);
    for task in run_all_due(&mut schedule, at(1)) {
        let next = match task.collector {
            Collector::Numbers if task.waba_id == account(1) => {
                NextPoll::HoldAccount(Some(Duration::from_secs(900)))
            }
            _ => NextPoll::HoldApp,
        };
        schedule.finished(&task, at(2), next);
    }
    schedule.hold_app([&account(0), &account(1)], at(2));
    assert!(run_all_due(&mut schedule, at(10)).is_empty());
    schedule.restart([&account(0), &account(1)], at(10));
    let began = run_all_due(&mut schedule, at(11));
    assert!(
        began.len() == 3 && began.iter().all(|task| task.waba_id == account(0)),
        "{began:?}"
    );
    // A brief removal does not end it either.
    schedule.remove(&account(1));
    schedule.add([account(1)], at(20));
    assert!(run_all_due(&mut schedule, at(21)).is_empty());
    assert_eq!(run_all_due(&mut schedule, at(902)).len(), 3);
}

#[test]
fn a_poll_that_does_not_start_is_reported_late_once_with_its_reason() {
    let mut schedule = schedule_of(1);
    for task in run_all_due(&mut schedule, at(0)) {
        schedule.finished(&task, at(1), NextPoll::AtCadence);
    }
    // Within three intervals of the numbers' polls.
    while let Some(task) = schedule.take_due(at(400)) {
        schedule.put_off(&task, at(890), DeferralReason::BudgetSpent);
    }
    assert_eq!(schedule.take_late(at(900)), []);
    assert_eq!(
        schedule.take_late(at(901)),
        [(task(0, Collector::Numbers), DeferralReason::BudgetSpent)]
    );
    assert_eq!(schedule.take_late(at(902)), []);
    // It starts, is never late while it runs, and may become late again.
    let began = run_all_due(&mut schedule, at(995));
    assert_eq!(began.len(), 3);
    let numbers = task(0, Collector::Numbers);
    for task in began.iter().filter(|task| **task != numbers) {
        schedule.finished(task, at(996), NextPoll::AtCadence);
    }
    assert_eq!(schedule.take_late(at(2_600)), []);
    schedule.finished(&numbers, at(2_600), NextPoll::AtCadence);
    let queued = DeferralReason::Queued;
    assert_eq!(schedule.take_late(at(2_601)), [(numbers, queued)]);
    let late = schedule.take_late(at(3_696));
    assert!(
        late.len() == 2 && late.iter().all(|(_, reason)| *reason == queued),
        "{late:?}"
    );
}

#[test]
fn lateness_is_reported_for_rate_limits_but_not_for_failing_polls() {
    let mut schedule = schedule_of(1);
    for task in run_all_due(&mut schedule, at(0)) {
        let next = match task.collector {
            Collector::Account => NextPoll::HoldAccount(Some(Duration::from_secs(3_600))),
            Collector::Numbers | Collector::Templates | Collector::Insights | Collector::Other => {
                NextPoll::AtCadence
            }
        };
        schedule.finished(&task, at(1), next);
    }
    assert_eq!(
        schedule.take_late(at(2_800)),
        [Collector::Numbers, Collector::Templates]
            .map(|collector| (task(0, collector), DeferralReason::RateLimit))
    );
    // A rejected token is reported for every collector at once.
    let mut schedule = schedule_of(1);
    run_all_due(&mut schedule, at(0));
    schedule.restart([&account(0)], at(1));
    schedule.hold_app([&account(0)], at(2_750));
    assert_eq!(schedule.take_late(at(2_800)), []);
}

#[test]
fn a_delay_of_seconds_is_not_lateness() {
    let often = Duration::from_secs(1);
    let cadences = Cadences {
        numbers: often,
        account: often,
        templates: often,
        ..CADENCES
    };
    let dice = fastrand::Rng::with_seed(7);
    let mut schedule = Schedule::new([account(0)], cadences, dice, at(0));
    assert_eq!(schedule.take_late(at(10)), []);
    // A first poll that never starts becomes late too.
    assert_eq!(schedule.take_late(at(11)).len(), 3);
}

#[test]
fn insights_are_polled_only_where_they_are_enabled() {
    let insights = InsightsOptions {
        interval: Duration::from_secs(21_600),
        max_templates: 100,
        time_zone: DayZone::Utc,
    };
    let enabled = Cadences {
        insights: Some(insights),
        ..CADENCES
    };
    let polls = |schedule: &Schedule| {
        let polls = schedule.slots.keys();
        let polls = polls.filter(|task| task.collector == Collector::Insights);
        polls.count()
    };
    let mut schedule = schedule_of(2);
    let others = dues(&schedule);
    assert_eq!(polls(&schedule), 0);
    schedule.set_cadences(enabled, at(5));
    assert_eq!((polls(&schedule), schedule.waiting.len()), (2, 8));
    schedule.add([account(7)], at(6));
    assert_eq!(polls(&schedule), 3);
    schedule.remove(&account(7));
    // A poll that is running when insights are disabled ends without a successor.
    let running = run_all_due(&mut schedule, at(7));
    assert!(running.contains(&task(0, Collector::Insights)));
    schedule.set_cadences(CADENCES, at(8));
    for task in &running {
        schedule.finished(task, at(9), NextPoll::AtCadence);
    }
    assert_eq!((polls(&schedule), schedule.waiting.len()), (0, 6));
    assert_eq!(dues(&schedule).len(), others.len());
}
