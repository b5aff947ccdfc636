//! Changes of accounts and intervals.

use super::*;
use crate::domain::insights::DayZone;

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
