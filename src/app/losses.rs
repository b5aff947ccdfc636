//! Records and logs the accounts that discovery no longer finds.

use crate::clock;
use crate::domain::account::Loss;
use crate::domain::{Assignments, Event, Fact, Source};
use crate::state::{Account, Accounts};
use crate::store::Store;

/// Maximum log lines about single accounts per discovery. A token that loses ten thousand accounts is one
/// incident.
const MAX_LINES: usize = 20;

/// Updates the state from the last complete discovery.
pub(super) async fn note(store: &Store, assignments: &Assignments) {
    let lost = assignments.lost();
    let accounts = store.snapshot();
    let events = accounts.iter().filter_map(|(waba_id, account)| {
        let loss = loss_to_note(lost.contains(waba_id), account)?;
        Some(Event {
            waba_id: waba_id.clone(),
            observed_at: clock::now(),
            source: Source::Poll,
            fact: Fact::AccountLoss(loss),
        })
    });
    let events: Vec<Event> = events.collect();
    // The store logs its own errors, and the next discovery retries.
    if !events.is_empty() && store.commit(events.clone()).await.is_ok() {
        log(&events, &accounts);
    }
}

/// The loss to record in the state, if it changed. An account with an unreadable node returns with its next
/// successful poll, not with a discovery.
fn loss_to_note(is_lost: bool, account: &Account) -> Option<Loss> {
    let is_noted = account.loss.value() == Some(Loss::NotDiscovered);
    match (is_lost, is_noted) {
        (true, false) => Some(Loss::NotDiscovered),
        (false, true) => Some(Loss::None),
        (true, true) | (false, false) => None,
    }
}

fn log(events: &[Event], accounts: &Accounts) {
    for Event { waba_id, fact, .. } in events.iter().take(MAX_LINES) {
        let account = accounts.get(waba_id);
        let name = account.and_then(|account| account.name.value());
        if *fact == Fact::AccountLoss(Loss::None) {
            tracing::info!(%waba_id, name, "lost account found again");
        } else {
            tracing::warn!(
                %waba_id,
                name,
                cure = "assign the account to the token's system user again, or remove it with `forget`",
                "account lost; discovery no longer finds it"
            );
        }
    }
    if events.len() > MAX_LINES {
        let more = events.len() - MAX_LINES;
        tracing::warn!(
            more,
            "more accounts lost or found again; see whatsapp_business_account_lost_timestamp_seconds"
        );
    }
}
