//! The reducer: events become the state. One file per entity.
//!
//! Invariant: pure. The same webhooks in any order and with any repetition, between the same polls, give the same
//! state. No event makes a counter fall. Only a complete listing removes objects.

#![warn(clippy::wildcard_enum_match_arm)] // a new fact or event must be considered wherever one is matched

pub mod account;
mod activity;
mod attributes;
mod campaign_contact;
mod campaign_counts;
mod change;
mod confusion;
pub mod conversation;
mod counting;
mod counts;
mod customer;
mod customers;
mod dedup;
mod dedup_windows;
mod experiment_counts;
mod experiment_progress;
mod failures;
mod gone;
mod groups;
mod histogram;
mod history;
pub mod insights;
pub mod journal;
mod journey_session;
mod journey_sessions;
pub mod journeys;
mod last_times;
mod latest;
mod listings;
pub mod number;
mod object_limits;
mod observation;
mod older_template;
mod packed;
mod polls;
mod prices;
mod recipient;
mod recipients;
mod redate;
pub mod responses;
mod saved;
mod stamp;
pub mod template;
mod template_columns;
mod templates;
pub mod traffic;
mod turn;
mod undated;
mod value_level;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use account::Account;
pub use activity::{DailyActivity, DailyCount, DayCounts, UtcDay};
pub use campaign_counts::{CampaignCount, CampaignCounts};
pub use change::Change;
pub use conversation::Conversation;
pub use counts::{Counts, PairCounts};
pub use customer::Customer;
pub use dedup::DedupWindow;
pub use dedup_windows::{DedupScope, keys_of_one_process};
pub use experiment_counts::{ArmCounts, ExperimentCounts};
pub use failures::FailureCounts;
pub use histogram::Histogram;
pub use history::{Drift, DriftKind, History, Observed, Step};
pub use insights::{AccountInsights, NumberInsights, TemplateInsights};
pub use journal::{Amendment, Entity, Transition};
pub use last_times::LastTimes;
pub use latest::Latest;
pub use listings::SharedNumbers;
pub use number::Number;
pub(crate) use older_template::OlderTemplate;
pub use polls::PollTimes;
pub(crate) use polls::SavedPollTimes;
pub use prices::Prices;
pub use recipient::{Recipient, WINDOW as RECIPIENT_WINDOW};
pub use recipients::Recipients;
pub use redate::Redating;
pub use stamp::Stamp;
pub use template::Template;
pub use templates::{TemplatePage, Templates};
pub use traffic::Traffic;
pub use value_level::value_level;

use crate::domain::track::Trackers;
use crate::domain::{
    DeliveryKey, Event, Fact, PhoneNumberId, Shard, Sharding, Source, Timestamp, WabaId,
};
use dedup_windows::DedupWindows;
use object_limits::ObjectCounts;
use redate::Dated as _;

/// Number of remembered keys of changes without facts: enough to detect quick retries.
const OTHER_KEYS: usize = 50_000;

/// A consistent snapshot of the watched accounts. Clones share the data.
pub type Accounts = BTreeMap<WabaId, Arc<Account>>;

/// The state of all watched accounts at Meta.
#[derive(Clone, Debug)]
pub struct State {
    accounts: Accounts,
    windows: DedupWindows,
    other: DedupWindow,
    trackers: Arc<Trackers>,
    /// Number of objects of all accounts together.
    sizes: ObjectCounts,
}

impl Default for State {
    fn default() -> Self {
        Self::new(Sharding::SINGLE)
    }
}

impl State {
    /// Without accounts.
    #[must_use]
    pub fn new(sharding: Sharding) -> Self {
        Self {
            accounts: Accounts::new(),
            windows: DedupWindows::new(sharding),
            other: DedupWindow::remembering(OTHER_KEYS),
            trackers: Arc::default(),
            sizes: ObjectCounts::default(),
        }
    }

    /// The shards of the accounts.
    #[must_use]
    pub fn sharding(&self) -> Sharding {
        self.windows.sharding()
    }

    /// Forgets the webhook changes that were applied in all other shards, because another replica owns them.
    pub fn retain_shards(&mut self, is_owned: impl Fn(Shard) -> bool) {
        self.windows.retain(is_owned);
    }

    /// Watches exactly these accounts. New ones start empty; all data of the others is dropped.
    pub fn watch(&mut self, accounts: impl IntoIterator<Item = WabaId>) {
        self.watch_since(accounts, None);
    }

    /// As [`Self::watch`], with the time at which the counters of new accounts are 0. `None` if unknown.
    pub fn watch_since(
        &mut self,
        accounts: impl IntoIterator<Item = WabaId>,
        counted_since: Option<Timestamp>,
    ) {
        let mut before = std::mem::take(&mut self.accounts);
        let keep = |id: WabaId| {
            let account = before.remove(&id);
            let account = account
                .unwrap_or_else(|| Arc::new(Account::default().with_counted_since(counted_since)));
            (id, account)
        };
        self.accounts = accounts.into_iter().map(keep).collect();
        self.sizes = ObjectCounts::default();
        for account in self.accounts.values() {
            self.sizes += account.sizes();
        }
    }

    /// Applies these settings of conversation metrics to later events.
    pub fn track(&mut self, trackers: Arc<Trackers>) {
        self.trackers = trackers;
    }

    /// The settings of conversation metrics.
    #[must_use]
    pub fn trackers(&self) -> &Trackers {
        &self.trackers
    }

    /// Replaces the state of these accounts; ignores accounts that are not watched.
    pub fn adopt(&mut self, accounts: Accounts) {
        for (id, account) in accounts {
            if let Some(known) = self.accounts.get_mut(&id) {
                self.sizes -= known.sizes();
                self.sizes += account.sizes();
                *known = account;
            }
        }
    }

    /// Forgets the newest keys of a scope, after their changes were undone.
    pub fn forget_newest(&mut self, shard: Shard, scope: DedupScope, how_many: usize) {
        self.windows
            .window_mut(shard, scope)
            .forget_newest(how_many);
    }

    /// The webhook changes of this kind that were applied. `None` before the first one.
    #[must_use]
    pub fn applied_changes(&self, shard: Shard, scope: DedupScope) -> Option<&DedupWindow> {
        self.windows.window(shard, scope)
    }

    /// Restores the keys that another process stored, oldest first.
    pub fn restore_applied_changes(
        &mut self,
        shard: Shard,
        scope: DedupScope,
        keys: impl IntoIterator<Item = DeliveryKey>,
        newest_number: u64,
    ) {
        let window = self.windows.window_mut(shard, scope);
        window.restore(keys, newest_number);
    }

    /// Restores the keys of a store of one process that was copied into this one, oldest first. They apply to all
    /// shards.
    pub fn restore_copied_changes(&mut self, scope: DedupScope, keys: Vec<DeliveryKey>) {
        self.windows.restore_copied(scope, keys);
    }

    /// The accounts in which an event, a conversation or a session settles or ends by `now` without a further event.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &WabaId> {
        let is_due = move |account: &Account| account.traffic.values().any(|one| one.is_due(now));
        let due = self
            .accounts
            .iter()
            .filter(move |(_, account)| is_due(account));
        due.map(|(waba_id, _)| waba_id)
    }

    /// The accounts that contain observation times after `latest`.
    pub fn ahead_of(&self, latest: Timestamp) -> impl Iterator<Item = &WabaId> {
        let ahead = self.accounts.iter();
        let ahead = ahead.filter(move |(_, account)| account.is_ahead_of(latest));
        ahead.map(|(waba_id, _)| waba_id)
    }

    /// The current snapshot.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Applies one event, counts what is due by then, and returns the effects.
    pub fn apply(&mut self, event: &Event) -> Change {
        let change = self.note(event);
        if change.is_applied() {
            self.settle([event]);
        }
        change
    }

    /// Counts the messages that no earlier message can precede any more after these events.
    pub fn settle<'e>(&mut self, noted: impl IntoIterator<Item = &'e Event>) {
        let mut until: BTreeMap<(&WabaId, &PhoneNumberId), Timestamp> = BTreeMap::new();
        for event in noted {
            let Some((number, received_at)) = event.fact.received() else {
                continue;
            };
            let known = until.entry((&event.waba_id, number)).or_default();
            *known = received_at.max(*known);
        }
        for ((waba_id, number), until) in until {
            if let Some(account) = self.accounts.get_mut(waba_id)
                && account.is_due(number, until)
            {
                self.sizes -= account.sizes();
                Arc::make_mut(account).settle_number(number, until, &self.trackers);
                self.sizes += account.sizes();
            }
        }
    }

    /// Applies one event without counting what is due by then, and returns its effects. Events that arrive together are
    /// sorted by time before they count, however late they are.
    pub fn note(&mut self, event: &Event) -> Change {
        let Some(account) = self.accounts.get_mut(&event.waba_id) else {
            return Change {
                unwatched: true,
                ..Change::default()
            };
        };
        if let Some(key) = event.source.key() {
            let known = match DedupScope::from_fact(&event.fact) {
                Some(scope) => {
                    if self.windows.is_copied(scope, key) {
                        return Change {
                            duplicate: true,
                            ..Change::default()
                        };
                    }
                    let shard = self.windows.sharding().of_account(&event.waba_id);
                    self.windows.window_mut(shard, scope)
                }
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
        let left = self.sizes.left();
        let change = Arc::make_mut(account).apply(event, &self.trackers, left);
        self.sizes += account.sizes();
        change
    }
}
