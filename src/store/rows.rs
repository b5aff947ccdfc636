//! Converts between the state and its rows.

mod journal;
mod queues;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use serde::Serialize;

pub use self::journal::{for_redating, for_transition, to_history};
pub use self::queues::{for_signal, to_signal, to_waiting};
use super::engine::{
    AccountRows, ClockRow, DiscoveredRow, ObjectRow, SavedAccount, StoreError, Table,
};
use super::json::{json, parse};
use super::refreshes::{NewestPolls, from_refresh, to_refresh};
use super::template_rows::to_templates;
use crate::clock::SavedClock;
use crate::domain::{
    AccountSource, Assigned, BusinessId, DeliveryKey, PhoneNumberId, Timestamp, WabaId,
};
use crate::state::{Account, NumberInsights, TemplateInsights, Traffic};

/// Bytes of a delivery key.
const KEY_BYTES: usize = 16;

/// The row of a discovered account. Configured accounts have none.
pub fn from_discovered(app: &str, waba_id: &WabaId, assigned: &Assigned) -> DiscoveredRow {
    let kind = assigned.source.kind();
    let source = match &assigned.source {
        AccountSource::Configured | AccountSource::Token => kind.to_owned(),
        AccountSource::Business(business) => format!("{kind} {business}"),
    };
    DiscoveredRow {
        app: app.to_owned(),
        waba_id: waba_id.to_string(),
        source,
        is_lost: assigned.is_lost,
    }
}

/// The account of a row. `None` if its id is invalid.
pub fn to_discovered(row: &DiscoveredRow) -> Option<(WabaId, Assigned)> {
    let waba_id = WabaId::parse(&row.waba_id)?;
    let business = row
        .source
        .split_once(' ')
        .map(|(_, id)| BusinessId::parse(id));
    let source = match business {
        Some(business) => AccountSource::Business(business?),
        None => AccountSource::Token,
    };
    let is_lost = row.is_lost;
    Some((waba_id, Assigned { source, is_lost }))
}

/// The rows of what has changed.
pub fn for_account(waba_id: &WabaId, before: &Account, now: &Account) -> AccountRows {
    let mut objects = Vec::new();
    let mut add = |table, id: &dyn Display, state| {
        objects.push(ObjectRow {
            table,
            waba_id: waba_id.to_string(),
            id: id.to_string(),
            state,
        });
    };
    number_differences(before, now, |id, state| add(Table::Numbers, id, state));
    differences(&before.traffic, &now.traffic, |id, state| {
        add(Table::Traffic, id, state);
    });
    if !Arc::ptr_eq(&before.template_insights, &now.template_insights) {
        let both = (&before.template_insights, &now.template_insights);
        differences(both.0, both.1, |id, state| {
            add(Table::TemplateInsights, id, state);
        });
    }
    if !Arc::ptr_eq(&before.number_insights, &now.number_insights) {
        let both = (&before.number_insights, &now.number_insights);
        differences(both.0, both.1, |id, state| {
            add(Table::NumberInsights, id, state);
        });
    }
    let state = own_state(now);
    // An account without data may not be stored yet.
    let is_stored = state == own_state(before) && !is_without_data(&state, now.counted_since());
    AccountRows {
        waba_id: waba_id.to_string(),
        state: Some(state).filter(|_| !is_stored),
        business_id: now.business_id.value().map(BusinessId::to_string),
        polls: from_refresh(now),
        objects,
    }
}

/// Length of the stored form of an account without data and without a time since which it counts.
static EMPTY_LENGTH: LazyLock<usize> = LazyLock::new(|| own_state(&Account::default()).len());

/// Upper limit of the digits of a time.
const MAX_DIGITS: usize = 20;

/// Whether the stored form has only the time since which the account counts.
fn is_without_data(state: &str, counted_since: Option<Timestamp>) -> bool {
    // Nearly every account is longer, and nothing is formatted for it.
    state.len() <= *EMPTY_LENGTH + MAX_DIGITS
        && state == own_state(&Account::default().with_counted_since(counted_since))
}

/// The stored form of the account itself.
fn own_state(account: &Account) -> String {
    NewestPolls::new(account).hide_in_account(&json(&account.without_poll_times()))
}

/// Returns each phone number whose stored form has changed.
fn number_differences(
    before: &Account,
    now: &Account,
    mut changed: impl FnMut(&PhoneNumberId, Option<String>),
) {
    let (polls_before, polls) = (NewestPolls::new(before), NewestPolls::new(now));
    let is_same_poll = polls_before.has_same_numbers(polls);
    for (id, number) in &now.numbers {
        let known = before.numbers.get(id);
        if is_same_poll && known.is_some_and(|known| Arc::ptr_eq(known, number)) {
            continue;
        }
        let state = polls.hide_in_number(&json(number.as_ref()));
        let known = known.map(|known| polls_before.hide_in_number(&json(known.as_ref())));
        if known.as_ref() != Some(&state) {
            changed(id, Some(state));
        }
    }
    for id in before.numbers.keys() {
        if !now.numbers.contains_key(id) {
            changed(id, None);
        }
    }
}

/// Returns each object that was added, changed or removed. Objects are copied when they change, so equal pointers
/// mean equal objects.
fn differences<K: Ord, V: Serialize>(
    before: &BTreeMap<K, Arc<V>>,
    now: &BTreeMap<K, Arc<V>>,
    mut changed: impl FnMut(&K, Option<String>),
) {
    for (id, object) in now {
        let same = before
            .get(id)
            .is_some_and(|before| Arc::ptr_eq(before, object));
        if !same {
            changed(id, Some(json(object.as_ref())));
        }
    }
    for id in before.keys().filter(|id| !now.contains_key(id)) {
        changed(id, None);
    }
}

/// The account that these rows contain.
pub fn to_account(saved: &SavedAccount) -> Result<Account, StoreError> {
    let refresh = saved.polls.as_deref().map(to_refresh).transpose()?;
    let newest = refresh.as_ref().map(|(polls, _)| NewestPolls::from(polls));
    let newest = newest.unwrap_or_default();
    let mut account: Account = parse("an account", &newest.show(&saved.state))?;
    if let Some((polls, spent_calls)) = refresh {
        account.set_poll_times(polls);
        account.set_spent_calls(spent_calls);
    }
    for state in &saved.numbers {
        let number: crate::state::Number = parse("a phone number", &newest.show(state))?;
        account.numbers.insert(number.id.clone(), Arc::new(number));
    }
    let listed = account.newest_template_listing();
    account.templates = to_templates(&saved.template_pages, listed)?;
    for state in &saved.traffic {
        let traffic = to_traffic(state)?;
        account
            .traffic
            .insert(traffic.id.clone(), Arc::new(traffic));
    }
    let templates = saved.template_insights.iter().map(|state| {
        let one: TemplateInsights = parse("a template's insights", state)?;
        Ok((one.id.clone(), Arc::new(one)))
    });
    account.template_insights = Arc::new(templates.collect::<Result<_, StoreError>>()?);
    let numbers = saved.number_insights.iter().map(|state| {
        let one: NumberInsights = parse("a phone number's insights", state)?;
        Ok((one.id.clone(), Arc::new(one)))
    });
    account.number_insights = Arc::new(numbers.collect::<Result<_, StoreError>>()?);
    account.count_objects();
    Ok(account)
}

/// The message counters of a number.
pub fn to_traffic(state: &str) -> Result<Traffic, StoreError> {
    parse("a number's traffic", state)
}

/// The row that stores Meta's time.
pub fn for_clock(saved: Option<SavedClock>) -> ClockRow {
    saved.map_or((None, None, None), |saved| {
        let at_least = saved.at_least.as_millis();
        (Some(at_least), saved.offset_ms, saved.boot_id)
    })
}

/// The stored Meta time of a row.
pub fn to_clock((clock_ms, offset_ms, boot_id): ClockRow) -> Option<SavedClock> {
    clock_ms.map(|clock_ms| SavedClock {
        at_least: Timestamp::from_millis(clock_ms),
        offset_ms,
        boot_id,
    })
}

/// The keys, one after another.
pub fn for_keys(keys: &[DeliveryKey]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.0.to_be_bytes()).collect()
}

/// The keys of a segment.
pub fn to_keys(segment: &[u8]) -> Result<impl Iterator<Item = DeliveryKey>, StoreError> {
    let (keys, rest) = segment.as_chunks::<KEY_BYTES>();
    if !rest.is_empty() {
        return Err(StoreError::unreadable(
            "a segment of delivery keys is damaged",
        ));
    }
    Ok(keys
        .iter()
        .map(|key| DeliveryKey(u128::from_be_bytes(*key))))
}
