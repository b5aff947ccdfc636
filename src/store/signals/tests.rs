//! Which transitions are logged.

use std::borrow::Cow;

use super::*;
use crate::domain::TemplateId;
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
    let (polled, webhook) = (|s| Stamp::polled(at(s)), |s| Stamp::from_webhook(at(s)));
    let late = || step(Some("APPROVED"), "DISABLED", polled(9));
    for (changes, expected) in [
        (
            vec![change(vec![Learned(step(None, "APPROVED", polled(1)))])],
            &[][..],
        ),
        (
            vec![change(vec![Learned(step(None, "PAUSED", webhook(1)))])],
            &["- to PAUSED"],
        ),
        (
            vec![change(vec![
                Learned(step(None, "GREEN", webhook(1).just_before())),
                Learned(step(Some("GREEN"), "RED", webhook(1))),
            ])],
            &["GREEN to RED"],
        ),
        (
            vec![
                change(vec![Learned(step(None, "PAUSED", webhook(1)))]),
                change(vec![Learned(step(Some("PAUSED"), "APPROVED", webhook(2)))]),
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
                Learned(step(Some("APPROVED"), "PAUSED", webhook(5))),
                Learned(step(Some("PAUSED"), "DISABLED", polled(9))),
            ])],
            &["APPROVED to PAUSED", "PAUSED to DISABLED"],
        ),
        (
            vec![change(vec![
                Withdrawn(step(None, "PAUSED", polled(9))),
                Learned(step(None, "PAUSED", webhook(5))),
            ])],
            &["- to PAUSED"],
        ),
        (
            vec![change(vec![
                Withdrawn(step(Some("APPROVED"), "PAUSED", webhook(5))),
                Learned(step(Some("APPROVED"), "PAUSED", polled(5))),
            ])],
            &[],
        ),
        (
            vec![
                change(vec![Learned(step(Some("APPROVED"), "PAUSED", webhook(5)))]),
                change(vec![
                    Withdrawn(step(Some("APPROVED"), "PAUSED", webhook(5))),
                    Learned(step(Some("APPROVED"), "PAUSED", polled(5))),
                ]),
            ],
            &["APPROVED to PAUSED"],
        ),
    ] {
        assert_eq!(lines(&changes), expected, "{changes:?}");
    }
}
