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
mod tests;
