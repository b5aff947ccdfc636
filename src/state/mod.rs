//! The reducer: events in, the one truth out. One file per noun.
//!
//! Invariant: pure. The same webhooks in any order, any number of times, between the same polls, leave
//! the same state; no event ever makes a counter fall; nothing is removed but by a complete listing.

pub mod account;
mod change;
mod counts;
mod gone;
mod history;
pub mod journal;
mod latest;
pub mod number;
mod polls;
mod repeats;
mod saved;
mod sighting;
mod stamp;
pub mod template;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use account::Account;
pub use change::Change;
pub use counts::{Counts, PairCounts};
pub use history::{Drift, History, Observed, Step};
pub use journal::{Amendment, Entity, Transition};
pub use latest::Latest;
pub use number::Number;
pub use polls::PollTimes;
pub use repeats::Repeats;
pub use stamp::Stamp;
pub use template::Template;

use crate::domain::{DeliveryKey, Event, Fact, Source, WabaId};

/// Keys of changes that facts were read from. Meta retries for up to seven days; a large provider sees
/// some ten thousand of these a day.
const MANAGEMENT_KEYS: usize = 200_000;

/// Keys of changes without facts (messages, mostly), which come by the hundred a second: enough to
/// recognise the quick repeats without pushing out the ones above.
const OTHER_KEYS: usize = 50_000;

/// The watched accounts, as one consistent picture. Cloning shares everything.
pub type Accounts = BTreeMap<WabaId, Arc<Account>>;

/// Everything known about Meta's side.
#[derive(Clone, Debug)]
pub struct State {
    accounts: Accounts,
    management: Repeats,
    other: Repeats,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: Accounts::new(),
            management: Repeats::remembering(MANAGEMENT_KEYS),
            other: Repeats::remembering(OTHER_KEYS),
        }
    }
}

impl State {
    /// Watches exactly these accounts: new ones start empty, the others leave with all they had.
    pub fn watch(&mut self, accounts: impl IntoIterator<Item = WabaId>) {
        let mut before = std::mem::take(&mut self.accounts);
        let keep = |id: WabaId| {
            let account = before.remove(&id).unwrap_or_default();
            (id, account)
        };
        self.accounts = accounts.into_iter().map(keep).collect();
    }

    /// Takes these accounts as they are, in place of what is known of them; watched ones only.
    pub fn adopt(&mut self, accounts: Accounts) {
        for (id, account) in accounts {
            if let Some(known) = self.accounts.get_mut(&id) {
                *known = account;
            }
        }
    }

    /// Undoes events that could not be made durable: the accounts as they were before, and how many
    /// changes were new.
    pub fn undo(&mut self, before: Accounts, new_changes: usize) {
        self.adopt(before);
        self.management.forget_newest(new_changes);
    }

    /// The webhook changes whose repeats must be harmless after a restart as well: those that facts
    /// were read from.
    #[must_use]
    pub fn applied_changes(&self) -> &Repeats {
        &self.management
    }

    /// Takes up the changes that another process had applied, oldest first.
    pub fn restore_applied_changes(
        &mut self,
        keys: impl IntoIterator<Item = DeliveryKey>,
        newest_number: u64,
    ) {
        self.management.restore(keys, newest_number);
    }

    /// The picture as it is now.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Applies one event and tells what that did.
    pub fn apply(&mut self, event: &Event) -> Change {
        let Some(account) = self.accounts.get_mut(&event.waba_id) else {
            return Change {
                unwatched: true,
                ..Change::default()
            };
        };
        if let Source::Webhook(key) = event.source {
            let known = if event.fact == Fact::Unwatched {
                &mut self.other
            } else {
                &mut self.management
            };
            if !known.is_new(key) {
                return Change {
                    duplicate: true,
                    ..Change::default()
                };
            }
        }
        if event.fact == Fact::Unwatched {
            return Change::default();
        }
        Arc::make_mut(account).apply(event)
    }
}
