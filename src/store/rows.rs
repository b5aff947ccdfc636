//! Converts between the state and its rows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use serde::Serialize;

use super::engine::{
    AccountRows, ClockRow, DiscoveredRow, JournalInsert, Moves, ObjectRow, RelayRow, SavedAccount,
    SignalRow, StoreError, Table,
};
use super::history::HistoryRow;
use super::json::{json, parse};
use super::notify_queue::Signal;
use super::refreshes::{NewestPolls, from_refresh, to_refresh};
use super::relay_queue::{QueuedDelivery, lanes_from_text};
use super::template_rows::to_templates;
use crate::clock::SavedClock;
use crate::domain::{
    AccountSource, Assigned, BusinessId, DeliveryKey, PhoneNumberId, Timestamp, WabaId,
};
use crate::state::{
    Account, Entity, NumberInsights, Redating, Stamp, TemplateInsights, Traffic, Transition,
};

/// Bytes of a delivery key.
const KEY_BYTES: usize = 16;

/// The waiting delivery of a row.
pub fn to_waiting(row: &RelayRow) -> QueuedDelivery {
    QueuedDelivery {
        delivery: row.delivery,
        received_at: Timestamp::from_millis(row.received_ms),
        waba_ids: row.waba_ids.split(' ').filter_map(WabaId::parse).collect(),
        lanes: lanes_from_text(row.lanes.as_deref()),
        bytes: usize::try_from(row.bytes).unwrap_or(0),
        is_parked: row.is_parked,
    }
}

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

/// Whether the stored form has nothing but the time since which the account counts.
fn is_without_data(state: &str, counted_since: Option<Timestamp>) -> bool {
    // Nearly every account is longer, and nothing is formatted for it.
    state.len() <= *EMPTY_LENGTH + MAX_DIGITS && state == own_state(&Account::new(counted_since))
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

/// The journal line of a transition.
pub fn for_transition(waba_id: &WabaId, transition: &Transition) -> JournalInsert {
    let entity_id = match &transition.entity {
        Entity::Account => waba_id.to_string(),
        Entity::Number(id) => id.to_string(),
        Entity::Template(id) => id.to_string(),
    };
    JournalInsert {
        waba_id: waba_id.to_string(),
        entity: transition.entity.kind(),
        entity_id,
        attribute: transition.attribute,
        order_ms: transition.at.order_ms(),
        source: if transition.at.is_webhook() {
            "webhook"
        } else {
            "poll"
        },
        from: transition.from.clone(),
        to: transition.to.clone(),
    }
}

/// The journal line of a transition, as readers get it.
pub fn to_history(waba_id: &WabaId, transition: &Transition) -> HistoryRow {
    let line = for_transition(waba_id, transition);
    HistoryRow {
        waba_id: line.waba_id,
        entity: line.entity.to_owned(),
        entity_id: line.entity_id,
        attribute: line.attribute.to_owned(),
        at: transition.at.at(),
        source: line.source.to_owned(),
        from: line.from.map(Cow::into_owned),
        to: line.to.into_owned(),
        order_ms: line.order_ms,
    }
}

/// The row of a change.
pub fn for_signal(signal: &Signal) -> SignalRow {
    let Signal {
        number,
        recorded_at,
        row,
        account_name,
        name,
        display_phone_number,
        language,
    } = signal.clone();
    SignalRow {
        number,
        recorded_ms: recorded_at.as_millis(),
        waba_id: row.waba_id,
        entity: row.entity,
        entity_id: row.entity_id,
        attribute: row.attribute,
        order_ms: row.order_ms,
        source: row.source,
        from_value: row.from,
        to_value: row.to,
        account_name,
        name,
        display_phone_number,
        language,
    }
}

/// The change of a row.
pub fn to_signal(row: SignalRow) -> Signal {
    let stamp = Stamp::from((row.order_ms, row.source == "webhook"));
    Signal {
        number: row.number,
        recorded_at: Timestamp::from_millis(row.recorded_ms),
        row: HistoryRow {
            waba_id: row.waba_id,
            entity: row.entity,
            entity_id: row.entity_id,
            attribute: row.attribute,
            at: stamp.at(),
            source: row.source,
            from: row.from_value,
            to: row.to_value,
            order_ms: row.order_ms,
        },
        account_name: row.account_name,
        name: row.name,
        display_phone_number: row.display_phone_number,
        language: row.language,
    }
}

/// Corrections of an account's times in the journal.
pub fn for_redating(waba_id: &WabaId, redating: &Redating) -> Moves {
    Moves {
        waba_id: waba_id.to_string(),
        times: redating
            .moves
            .iter()
            .map(|(old, new)| (*old, *new))
            .collect(),
        latest_ms: redating.latest.as_millis(),
    }
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
