//! The age of the data on which a decision is based.

use std::time::Duration;

use crate::domain::{Collector, Timestamp};
use crate::state::{Account, History, Number, Template};

/// Whether a poll has listed all phone numbers of the account.
pub(super) fn has_listed_numbers(account: &Account) -> bool {
    account.last_success(Collector::Numbers).is_some()
}

/// Time of the oldest data. A poll that succeeds may lack a field, so each attribute has its own age. `Err` with the
/// collector that has never succeeded.
pub(super) fn oldest(
    account: &Account,
    number: &Number,
    templates: Option<&[&Template]>,
) -> Result<Timestamp, Collector> {
    let mut times = Vec::new();
    let polled = [Collector::Account, Collector::Numbers].into_iter();
    let polled = polled.chain(templates.map(|_| Collector::Templates));
    for collector in polled {
        times.push(account.last_success(collector).ok_or(collector)?);
    }
    times.extend(last_seen(&account.can_send_message));
    times.extend(last_seen(&number.status));
    times.extend(last_seen(&number.can_send_message));
    times.extend(last_seen(&number.quality_rating));
    for template in templates.unwrap_or_default() {
        times.extend(last_seen(&template.status));
    }
    Ok(times.into_iter().min().unwrap_or_default())
}

fn last_seen<T: Copy + Ord>(history: &History<T>) -> Option<Timestamp> {
    history.last_seen().map(|stamp| stamp.at())
}

/// Age of data of this time.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Duration {
    now.since(at)
}
