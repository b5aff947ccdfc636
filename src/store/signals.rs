//! Selects the changes to report, and logs one line for each committed one.
//!
//! Names are the business's own. Changes never contain customers' numbers.

mod first_reads;
mod log_lines;

use std::sync::Arc;

pub(super) use self::first_reads::FirstReads;
pub(super) use self::log_lines::log;
use super::notify_queue::Signal;
use super::rows;
use crate::clock;
use crate::domain::{Event, Timestamp, WabaId};
use crate::state::{Account, Accounts, Amendment, Change, Entity, Transition};

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

#[cfg(test)]
mod tests;
