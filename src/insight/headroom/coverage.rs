//! The share of a portfolio's message webhooks that the exporter receives.

use crate::domain::access::AccessStates;
use crate::domain::{
    Assignments, CallbackUrl, PhoneNumberId, Timestamp, WabaId, WebhookField, Word as _,
};
use crate::state::{Account, Number, RECIPIENT_WINDOW};

/// The data about the delivery of webhooks to this exporter.
#[derive(Clone, Copy, Debug)]
pub struct MessageWebhooks<'a> {
    /// Subscriptions of the apps, by configured name.
    pub access: &'a AccessStates,
    /// The accounts that the apps watch.
    pub assignments: &'a Assignments,
    /// The URL at which webhooks are expected. `None` if not configured.
    pub callback: Option<&'a CallbackUrl>,
}

/// Share of the last 24 hours of the known numbers whose message webhooks were received. `None` without known numbers,
/// or if message webhooks are not read. A number that several accounts list counts once.
pub(super) fn coverage(
    accounts: &[(&WabaId, &Account)],
    webhooks: &MessageWebhooks<'_>,
    now: Timestamp,
) -> Option<f64> {
    let is_read = accounts
        .iter()
        .any(|(_, account)| account.messages_read_since().is_some());
    let mut shares: Vec<(&PhoneNumberId, f64)> = Vec::new();
    for (waba_id, account) in accounts {
        let read = share_read(account, now);
        let is_subscribed =
            account.webhook_subscribed.value() == Some(&true) && has_field(waba_id, webhooks);
        for number in account.numbers() {
            let is_received = is_recent(account, number, now)
                || is_subscribed && !is_moved(account, number, webhooks.callback);
            let share = if is_received { read } else { 0.0 };
            shares.push((&number.id, share));
        }
    }
    // Keeps the greatest share of each number. Sorting is faster than a map: a portfolio has up to 100,000 numbers.
    shares.sort_by(|(id, share), (other, its_share)| {
        let by_id = id.cmp(other);
        by_id.then(its_share.total_cmp(share))
    });
    shares.dedup_by_key(|(id, _)| *id);
    let numbers = u32::try_from(shares.len())
        .ok()
        .filter(|count| *count > 0)?;
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    is_read.then(|| sum / f64::from(numbers))
}

/// Share of the last 24 hours in which webhooks about messages of the account were read.
fn share_read(account: &Account, now: Timestamp) -> f64 {
    let since = account.messages_read_since();
    let read = since.map(|since| now.since(since).as_secs_f64());
    (read.unwrap_or_default() / RECIPIENT_WINDOW.as_secs_f64()).min(1.0)
}

/// Whether a webhook about messages of the number has arrived in the last 24 hours.
fn is_recent(account: &Account, number: &Number, now: Timestamp) -> bool {
    let last = account.last_reported_message(&number.id);
    last.is_some_and(|at| now.since(at) < RECIPIENT_WINDOW)
}

/// Whether any app that watches the account is subscribed to the field `messages`.
fn has_field(waba_id: &WabaId, webhooks: &MessageWebhooks<'_>) -> bool {
    let field = WebhookField::Messages.as_str();
    let apps = webhooks.assignments.apps().iter();
    let mut watching = apps.filter(|app| app.accounts.contains_key(waba_id));
    watching.any(|app| {
        let access = webhooks.access.get(app.app.as_ref());
        let subscription = access.and_then(|access| access.subscription.as_ref());
        subscription.is_some_and(|subscription| subscription.has(field))
    })
}

/// Whether an override moves the number's message webhooks to another URL than the expected one.
fn is_moved(account: &Account, number: &Number, expected: Option<&CallbackUrl>) -> bool {
    let moved_to = account.messages_override(number);
    moved_to.is_some_and(|url| Some(url) != expected)
}
