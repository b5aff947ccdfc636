//! Rate limits and rejected tokens.

use super::*;

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
