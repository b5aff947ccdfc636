//! Which transitions are logged, and when an account counts as read.

use std::borrow::Cow;

use super::*;
use crate::domain::{Listing, Source, TemplateId};
use crate::state::Stamp;

fn waba(which: usize) -> WabaId {
    WabaId::parse(&format!("80010020030040{which}")).expect("digits")
}

fn step(from: Option<&'static str>, to: &'static str, at: Stamp) -> Transition {
    Transition {
        entity: Entity::Template(TemplateId::parse("7001").expect("digits")),
        attribute: "status",
        at,
        from: from.map(Cow::from),
        to: to.into(),
    }
}

fn change(journal: Vec<Amendment>) -> Change {
    Change {
        journal,
        ..Change::default()
    }
}

fn lines(changes: &[Change]) -> Vec<String> {
    let waba_id = waba(0);
    let reported = reported(changes.iter().map(|change| (&waba_id, change)));
    let shown =
        |step: &Transition| format!("{} to {}", step.from.as_deref().unwrap_or("-"), step.to);
    reported.iter().map(|(_, step)| shown(step)).collect()
}

#[test]
fn first_polled_values_and_withdrawn_transitions_are_not_logged() {
    use Amendment::{Learned, Withdrawn};
    let at = Timestamp::from_seconds;
    let (polled, told) = (|s| Stamp::polled(at(s)), |s| Stamp::from_webhook(at(s)));
    let late = || step(Some("APPROVED"), "DISABLED", polled(9));
    for (changes, expected) in [
        (
            vec![change(vec![Learned(step(None, "APPROVED", polled(1)))])],
            &[][..],
        ),
        (
            vec![change(vec![Learned(step(None, "PAUSED", told(1)))])],
            &["- to PAUSED"],
        ),
        (
            vec![change(vec![
                Learned(step(None, "GREEN", told(1).just_before())),
                Learned(step(Some("GREEN"), "RED", told(1))),
            ])],
            &["GREEN to RED"],
        ),
        (
            vec![
                change(vec![Learned(step(None, "PAUSED", told(1)))]),
                change(vec![Learned(step(Some("PAUSED"), "APPROVED", told(2)))]),
            ],
            &["- to PAUSED", "PAUSED to APPROVED"],
        ),
        (
            vec![
                change(vec![Learned(late())]),
                change(vec![Withdrawn(late())]),
            ],
            &[],
        ),
        (
            vec![change(vec![
                Withdrawn(late()),
                Learned(step(Some("APPROVED"), "PAUSED", told(5))),
                Learned(step(Some("PAUSED"), "DISABLED", polled(9))),
            ])],
            &["APPROVED to PAUSED", "PAUSED to DISABLED"],
        ),
        (
            vec![change(vec![
                Withdrawn(step(None, "PAUSED", polled(9))),
                Learned(step(None, "PAUSED", told(5))),
            ])],
            &["- to PAUSED"],
        ),
        (
            vec![change(vec![
                Withdrawn(step(Some("APPROVED"), "PAUSED", told(5))),
                Learned(step(Some("APPROVED"), "PAUSED", polled(5))),
            ])],
            &[],
        ),
        (
            vec![
                change(vec![Learned(step(Some("APPROVED"), "PAUSED", told(5)))]),
                change(vec![
                    Withdrawn(step(Some("APPROVED"), "PAUSED", told(5))),
                    Learned(step(Some("APPROVED"), "PAUSED", polled(5))),
                ]),
            ],
            &["APPROVED to PAUSED"],
        ),
    ] {
        assert_eq!(lines(&changes), expected, "{changes:?}");
    }
}

fn read(waba_id: &WabaId, fact: Fact) -> Event {
    Event {
        waba_id: waba_id.clone(),
        observed_at: Timestamp::from_seconds(1),
        source: Source::Poll,
        fact,
    }
}

fn listing<T>(complete: bool) -> Listing<T> {
    let objects = Vec::new();
    Listing { objects, complete }
}

#[test]
fn an_account_counts_as_read_after_all_collectors_read_it_completely() {
    let account = || Fact::AccountRead(account::Snapshot::default());
    let numbers = |complete| Fact::NumbersListed(listing(complete));
    let templates =
        |complete| Fact::TemplatesListed(listing(complete), template::Totals::default());
    let mut reads = FirstReads::default();
    let mut is_complete = |which, fact| reads.is_complete_with(&read(&waba(which), fact));
    assert!(!is_complete(0, account()));
    assert!(!is_complete(0, templates(false)));
    assert!(!is_complete(0, numbers(true)));
    assert!(!is_complete(0, Fact::Unwatched));
    assert!(!is_complete(1, templates(true)), "another account");
    assert!(is_complete(0, templates(true)));
    assert!(!is_complete(0, account()), "once is enough");
    reads.watch(&Accounts::from([(waba(1), Arc::default())]));
    assert_eq!(reads.0.len(), 1);
}
