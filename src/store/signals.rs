//! Selects the changes to report, and logs one line for each committed one.
//!
//! Names are the business's own. Changes never contain customers' numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::HistoryRow;
use super::notify_queue::Signal;
use super::rows;
use crate::clock;
use crate::domain::{
    Collector, DisplayDigits, Event, Fact, Timestamp, WabaId, Word, account, number, template,
};
use crate::state::{Account, Accounts, Amendment, Change, Entity, Transition};

/// Log target, for filters such as `log.level: info,signals=off`.
const TARGET: &str = "signals";

/// The changes of these events that are reported, in the log and to receivers of notifications. `accounts` contain
/// the effects of the events. They have no numbers yet.
pub(super) fn signals(events: &[&Event], changes: &[Change], accounts: &Accounts) -> Vec<Signal> {
    let recorded_at = clock::now();
    let waba_ids = events.iter().map(|event| &event.waba_id);
    let reported = reported(waba_ids.zip(changes)).into_iter();
    let known =
        reported.filter_map(|(waba_id, step)| Some((waba_id, accounts.get(waba_id)?, step)));
    let signal = |(waba_id, account, step): (&WabaId, &Arc<Account>, _)| Signal {
        recorded_at,
        ..signal(waba_id, account, step)
    };
    known.map(signal).collect()
}

fn signal(waba_id: &WabaId, account: &Account, step: &Transition) -> Signal {
    let mut signal = Signal {
        number: 0,
        recorded_at: Timestamp::default(),
        row: rows::to_history(waba_id, step),
        account_name: account.name.value().cloned(),
        name: None,
        display_phone_number: None,
        language: None,
    };
    match &step.entity {
        Entity::Account => signal.name.clone_from(&signal.account_name),
        Entity::Number(id) => {
            if let Some(number) = account.numbers.get(id) {
                signal.name = number.verified_name.value().cloned();
                signal.display_phone_number = number.display_phone_number.value().cloned();
            }
        }
        Entity::Template(id) => {
            if let Some(template) = account.templates.get(id) {
                signal.name = template.name.value().map(ToString::to_string);
                signal.language = template.language.value().map(ToString::to_string);
            }
        }
    }
    signal
}

/// Logs these events and their changes, after their commit.
pub(super) fn log(events: &[&Event], changes: &[Change], signals: &[Signal], accounts: &Accounts) {
    for (event, change) in events.iter().zip(changes) {
        let is_new = !(change.unwatched || change.duplicate);
        if let Some(account) = accounts.get(&event.waba_id).filter(|_| is_new) {
            log_notice(event, account);
        }
    }
    signals.iter().for_each(log_one);
}

/// Logs webhooks that change no journalled attribute: events and alerts of an account and its Flows, security events and
/// groups of a number, and scheduled changes of a template.
fn log_notice(event: &Event, account: &Account) {
    let waba_id = &event.waba_id;
    let at = clock::calendar(event.observed_at.at_whole_seconds());
    match &event.fact {
        Fact::Account(account::Update::AccountUpdate {
            event,
            digits,
            violation,
            disconnection,
            ..
        }) => {
            let name = account.name.value();
            let violation = violation.as_ref().map(|violation| violation.kind.as_str());
            let reason = disconnection.and_then(|disconnection| disconnection.reason);
            let (notice, reason) = (event.as_str(), reason.map(Word::as_str));
            // The business' own number.
            let phone_number = digits.as_ref().map(DisplayDigits::as_str);
            tracing::info!(
                target: TARGET, %waba_id, name, notice, phone_number, violation, reason, at,
                "business account event"
            );
        }
        Fact::Account(account::Update::Flow {
            flow_id,
            event,
            state,
        }) => {
            let name = account.name.value();
            let (notice, state) = (event.as_str(), state.as_str());
            tracing::info!(target: TARGET, %waba_id, name, %flow_id, notice, state, at, "flow alert");
        }
        Fact::Number(number::WebhookUpdate { digits, update }) => {
            let (phone_number, name) = (digits.as_str(), account.name.value());
            match update {
                number::Update::Security(event) => {
                    let notice = event.as_str();
                    tracing::info!(
                        target: TARGET, %waba_id, name, phone_number, notice, at,
                        "phone number security event"
                    );
                }
                number::Update::Groups(groups) => {
                    let suspended = groups.iter().filter(|group| group.is_suspended).count();
                    let cleared = groups.len() - suspended;
                    tracing::info!(
                        target: TARGET, %waba_id, name, phone_number, suspended, cleared, at,
                        "phone number groups"
                    );
                }
                // These change journalled attributes.
                number::Update::Quality { .. } | number::Update::Name(_) => {}
            }
        }
        Fact::Account(account::Update::Alert { severity, alert }) => {
            let name = account.name.value();
            let (notice, severity) = (alert.as_str(), severity.as_str());
            tracing::info!(target: TARGET, %waba_id, name, notice, severity, at, "business account alert");
        }
        Fact::Template(template::WebhookUpdate { identity, update }) => {
            let (notice, scheduled) = match update {
                template::Update::Status {
                    event: template::EventKind::Flagged,
                    disable_at,
                    ..
                } => ("disable_scheduled", *disable_at),
                template::Update::CategoryAnnounced { at, .. } => {
                    ("category_change_scheduled", *at)
                }
                _ => return,
            };
            let (name, language) = (identity.name.as_deref(), identity.language.as_deref());
            let scheduled_for = scheduled.map(|at| clock::calendar(at.at_whole_seconds()));
            tracing::info!(
                target: TARGET, %waba_id, template_id = %identity.id, name, language, notice, scheduled_for, at,
                "message template notice"
            );
        }
        _ => {}
    }
}

/// The transitions to report.
///
/// A first value that a poll reads may be as old as the account, so it is not a change. A first value from a
/// webhook is an event (a flag, a ban), unless the same webhook contains a later value. A withdrawn transition
/// was recorded in the wrong order, and its correction follows. The correction is not logged if only its time
/// differs, as when a poll in the same second already saw the change that a webhook reported.
fn reported<'a>(
    changes: impl Iterator<Item = (&'a WabaId, &'a Change)>,
) -> Vec<(&'a WabaId, &'a Transition)> {
    let mut reported = Vec::<(&WabaId, &Transition)>::new();
    for (waba_id, change) in changes {
        let mut logged_before = Vec::new();
        let mut learned = Vec::<&Transition>::new();
        for amendment in &change.journal {
            match amendment {
                Amendment::Withdrawn(step) => {
                    let known = reported.iter().position(|one| *one == (waba_id, step));
                    match known {
                        Some(place) => drop(reported.remove(place)),
                        None if has_line(step) => logged_before.push(step),
                        None => {}
                    }
                }
                Amendment::Learned(step) => {
                    learned.retain(|first| !is_begin_of(first, step));
                    if has_line(step) {
                        learned.push(step);
                    }
                }
            }
        }
        learned.retain(|step| {
            !logged_before
                .iter()
                .any(|before| is_same_step(before, step))
        });
        reported.extend(learned.into_iter().map(|step| (waba_id, step)));
    }
    reported
}

/// Whether it is a change, or a first value from a webhook.
fn has_line(step: &Transition) -> bool {
    step.from.is_some() || step.at.is_webhook()
}

/// Whether they differ only in time and source.
fn is_same_step(one: &Transition, other: &Transition) -> bool {
    let step = |it: &Transition| {
        (
            it.entity.clone(),
            it.attribute,
            it.from.clone(),
            it.to.clone(),
        )
    };
    step(one) == step(other)
}

/// Whether `first` is the first known value, and `next` the change from it.
fn is_begin_of(first: &Transition, next: &Transition) -> bool {
    first.from.is_none()
        && (&first.entity, first.attribute) == (&next.entity, next.attribute)
        && next.from.as_ref() == Some(&first.to)
}

fn log_one(signal: &Signal) {
    let HistoryRow {
        waba_id,
        entity,
        entity_id,
        attribute,
        at,
        source,
        from,
        to,
        ..
    } = &signal.row;
    let at = clock::calendar(at.at_whole_seconds());
    let (name, severity) = (signal.name.as_ref(), signal.severity().as_str());
    match entity.as_str() {
        "account" => tracing::info!(
            target: TARGET, %waba_id, entity, %entity_id, name, attribute, from, to, severity, source, at,
            "business account changed"
        ),
        "phone_number" => {
            let display_phone_number = signal.display_phone_number.as_ref();
            tracing::info!(
                target: TARGET, %waba_id, entity, %entity_id, phone_number_id = %entity_id, name,
                display_phone_number, attribute, from, to, severity, source, at,
                "phone number changed"
            );
        }
        _ => {
            let language = signal.language.as_ref();
            tracing::info!(
                target: TARGET, %waba_id, entity, %entity_id, template_id = %entity_id, name, language,
                attribute, from, to, severity, source, at,
                "message template changed"
            );
        }
    }
}

/// The collectors that have read each account completely since the process started.
#[derive(Debug, Default)]
pub(super) struct FirstReads(BTreeMap<WabaId, [bool; 3]>);

impl FirstReads {
    /// Logs each account once all collectors have read it.
    pub fn note(&mut self, events: &[&Event], accounts: &Accounts) {
        for event in events {
            let Some(account) = accounts.get(&event.waba_id) else {
                continue;
            };
            if self.is_complete_with(event) {
                let name = account.name.value();
                let (phone_numbers, templates) =
                    (account.numbers().count(), account.templates().count());
                tracing::info!(
                    waba_id = %event.waba_id, name, phone_numbers, templates,
                    "business account read completely for the first time since start"
                );
            }
        }
    }

    /// Drops accounts that are no longer watched. They are logged again if they return.
    pub fn watch(&mut self, accounts: &Accounts) {
        self.0.retain(|waba_id, _| accounts.contains_key(waba_id));
    }

    fn is_complete_with(&mut self, event: &Event) -> bool {
        let collector = match &event.fact {
            Fact::AccountRead(_) => Collector::Account,
            Fact::NumbersListed(listing) if listing.complete => Collector::Numbers,
            Fact::TemplatesListed(listing, _) if listing.complete => Collector::Templates,
            _ => return false,
        };
        let reads = self.0.entry(event.waba_id.clone()).or_default();
        let is_new = reads.get_mut(collector.index());
        let is_new = is_new.is_some_and(|read| !std::mem::replace(read, true));
        is_new && reads.iter().all(|read| *read)
    }
}

#[cfg(test)]
mod tests {
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
}
