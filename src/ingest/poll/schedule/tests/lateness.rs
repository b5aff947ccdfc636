//! Polls that do not start in time.

use super::*;

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
