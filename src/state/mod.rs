//! The reducer: events become the state. One file per entity.
//!
//! Invariant: pure. The same webhooks in any order and with any repetition, between the same polls, give the same
//! state. No event makes a counter fall. Only a complete listing removes objects.

#![warn(clippy::wildcard_enum_match_arm)] // a new fact or event must be considered wherever one is matched

pub mod account;
mod attributes;
mod change;
pub mod conversation;
mod counts;
mod dedup;
mod gone;
mod histogram;
mod history;
pub mod journal;
mod journey_session;
mod journey_sessions;
pub mod journeys;
mod latest;
pub mod number;
mod observation;
mod polls;
mod redate;
mod room;
mod saved;
mod stamp;
pub mod template;
pub mod traffic;
mod undated;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use account::Account;
pub use change::Change;
pub use conversation::Conversation;
pub use counts::{Counts, PairCounts};
pub use dedup::DedupWindow;
pub use histogram::Histogram;
pub use history::{Drift, DriftKind, History, Observed, Step};
pub use journal::{Amendment, Entity, Transition};
pub use latest::Latest;
pub use number::Number;
pub use polls::PollTimes;
pub use redate::Redating;
pub use stamp::Stamp;
pub use template::Template;
pub use traffic::Traffic;

use crate::domain::track::Trackers;
use crate::domain::{DeliveryKey, Event, Fact, Source, Timestamp, WabaId};
use redate::Dated as _;
use room::Sizes;

/// Keys of changes that facts were read from. Meta retries for up to seven days; a large provider sees
/// some ten thousand of these a day.
const MANAGEMENT_KEYS: usize = 200_000;

/// Keys of messages and their statuses, which may come by the hundred a second: some hours of them, so
/// that a repeat within that time counts once.
const MESSAGE_KEYS: usize = 500_000;

/// Keys of changes without facts: enough to recognise the quick dedup.
const OTHER_KEYS: usize = 50_000;

/// The watched accounts, as one consistent picture. Cloning shares everything.
pub type Accounts = BTreeMap<WabaId, Arc<Account>>;

/// Everything known about Meta's side.
#[derive(Clone, Debug)]
pub struct State {
    accounts: Accounts,
    management: DedupWindow,
    messages: DedupWindow,
    other: DedupWindow,
    trackers: Arc<Trackers>,
    /// Objects of all accounts.
    sizes: Sizes,
}

/// The kinds of changes whose dedup must be harmless after a restart as well: each has its own window,
/// so that many messages do not push out the few facts about quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DedupScope {
    /// Changes that facts about the business were read from.
    Management,
    /// Messages and their statuses.
    Messages,
}

impl DedupScope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Management, Self::Messages];

    /// The dedup window for changes of this kind; `None` if dedup need no detection across restarts.
    #[must_use]
    pub fn from_fact(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Message(_) | Fact::Tracked(_) => Some(Self::Messages),
            Fact::Unwatched | Fact::TimePassed | Fact::ClockCorrected { .. } => None,
            Fact::AccountRead(_)
            | Fact::AccountLoss(_)
            | Fact::NumbersListed(_)
            | Fact::TemplatesListed(..)
            | Fact::Account(_)
            | Fact::Number(_)
            | Fact::NumberSpelled(_)
            | Fact::Template(_) => Some(Self::Management),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: Accounts::new(),
            management: DedupWindow::remembering(MANAGEMENT_KEYS),
            messages: DedupWindow::remembering(MESSAGE_KEYS),
            other: DedupWindow::remembering(OTHER_KEYS),
            trackers: Arc::default(),
            sizes: Sizes::default(),
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
        self.sizes = Sizes::default();
        for account in self.accounts.values() {
            self.sizes += account.sizes();
        }
    }

    /// Measures like this from now on.
    pub fn track(&mut self, trackers: Arc<Trackers>) {
        self.trackers = trackers;
    }

    /// Takes these accounts as they are, in place of what is known of them; watched ones only.
    pub fn adopt(&mut self, accounts: Accounts) {
        for (id, account) in accounts {
            if let Some(known) = self.accounts.get_mut(&id) {
                self.sizes -= known.sizes();
                self.sizes += account.sizes();
                *known = account;
            }
        }
    }

    /// Takes back that these changes were applied: the last so many of a window.
    pub fn forget_newest(&mut self, window: DedupScope, how_many: usize) {
        self.window_mut(window).forget_newest(how_many);
    }

    /// The webhook changes of this kind that were applied.
    #[must_use]
    pub fn applied_changes(&self, window: DedupScope) -> &DedupWindow {
        match window {
            DedupScope::Management => &self.management,
            DedupScope::Messages => &self.messages,
        }
    }

    /// Takes up the changes that another process had applied, oldest first.
    pub fn restore_applied_changes(
        &mut self,
        window: DedupScope,
        keys: impl IntoIterator<Item = DeliveryKey>,
        newest_number: u64,
    ) {
        self.window_mut(window).restore(keys, newest_number);
    }

    fn window_mut(&mut self, window: DedupScope) -> &mut DedupWindow {
        match window {
            DedupScope::Management => &mut self.management,
            DedupScope::Messages => &mut self.messages,
        }
    }

    /// The accounts in which something is settled or ended by `now` alone.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &WabaId> {
        let is_due = move |account: &Account| account.traffic.values().any(|one| one.is_due(now));
        let due = self
            .accounts
            .iter()
            .filter(move |(_, account)| is_due(account));
        due.map(|(waba_id, _)| waba_id)
    }

    /// The accounts with times of observation later than this.
    pub fn ahead_of(&self, latest: Timestamp) -> impl Iterator<Item = &WabaId> {
        let ahead = self.accounts.iter();
        let ahead = ahead.filter(move |(_, account)| account.is_ahead_of(latest));
        ahead.map(|(waba_id, _)| waba_id)
    }

    /// The picture as it is now.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Applies one event and returns its effects.
    pub fn apply(&mut self, event: &Event) -> Change {
        let Some(account) = self.accounts.get_mut(&event.waba_id) else {
            return Change {
                unwatched: true,
                ..Change::default()
            };
        };
        if let Some(key) = event.source.key() {
            let known = match DedupScope::from_fact(&event.fact) {
                Some(DedupScope::Management) => &mut self.management,
                Some(DedupScope::Messages) => &mut self.messages,
                None => &mut self.other,
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
        if let Source::UndatedWebhook(key) = event.source
            && account.repeats_undated(&event.fact, key, event.observed_at)
        {
            return Change {
                duplicate: true,
                ..Change::default()
            };
        }
        self.sizes -= account.sizes();
        let room = self.sizes.left();
        let change = Arc::make_mut(account).apply(event, &self.trackers, room);
        self.sizes += account.sizes();
        change
    }
}
