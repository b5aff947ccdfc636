//! Assigns accounts to the apps that watch them, and to the app that polls them.
//!
//! Several apps can watch one account: webhooks of each of them are accepted, and one app polls the account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{BusinessId, WabaId};

/// Why an app watches an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountSource {
    /// `apps[].accounts`.
    Configured,
    /// `apps[].discover_by_token`.
    Token,
    /// Discovered through this entry of `apps[].businesses`.
    Business(BusinessId),
}

impl AccountSource {
    /// All values of [`AccountSource::kind`].
    pub const KINDS: [&'static str; 3] = ["configured", "token", "business"];

    /// The label value: the source without its id.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let [configured, token, business] = Self::KINDS;
        match self {
            Self::Configured => configured,
            Self::Token => token,
            Self::Business(_) => business,
        }
    }
}

/// The accounts of one app.
pub type AccountsOfApp = BTreeMap<WabaId, Assigned>;

/// One account of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Why the app watches it.
    pub source: AccountSource,
    /// Whether the account was discovered before, but not by the last complete discovery.
    pub is_lost: bool,
}

impl Assigned {
    /// An account that is configured or that the last discovery found.
    #[must_use]
    pub fn from_source(source: AccountSource) -> Self {
        let is_lost = false;
        Self { source, is_lost }
    }
}

/// The accounts of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppAccounts {
    /// The configured name of the app, unique.
    pub app: Arc<str>,
    /// Its accounts, including lost ones.
    pub accounts: AccountsOfApp,
}

/// The accounts of all apps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Apps in configuration order.
    apps: Vec<AppAccounts>,
    /// For each account, the index in `apps` of its polling app.
    owners: BTreeMap<WabaId, usize>,
}

impl Assignments {
    /// No app and no account.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            apps: Vec::new(),
            owners: BTreeMap::new(),
        }
    }

    /// Assigns each account to the first app in configuration order that has not lost it.
    #[must_use]
    pub fn new(apps: Vec<AppAccounts>) -> Self {
        let mut best: BTreeMap<WabaId, (bool, usize)> = BTreeMap::new();
        for (index, app) in apps.iter().enumerate() {
            for (waba_id, assigned) in &app.accounts {
                let rank = (assigned.is_lost, index);
                let known = best.entry(waba_id.clone()).or_insert(rank);
                *known = rank.min(*known);
            }
        }
        let owners = best.into_iter().map(|(id, (_, index))| (id, index));
        let owners = owners.collect();
        Self { apps, owners }
    }

    /// All apps, in configuration order.
    #[must_use]
    pub fn apps(&self) -> &[AppAccounts] {
        &self.apps
    }

    /// All accounts, including lost ones.
    pub fn accounts(&self) -> impl Iterator<Item = &WabaId> {
        self.owners.keys()
    }

    /// Whether any app watches this account.
    #[must_use]
    pub fn contains(&self, waba_id: &WabaId) -> bool {
        self.owners.contains_key(waba_id)
    }

    /// Whether any of these apps watches this account.
    #[must_use]
    pub fn is_watched_by(&self, apps: &[Arc<str>], waba_id: &WabaId) -> bool {
        let mut of_these = self.apps.iter().filter(|app| apps.contains(&app.app));
        of_these.any(|app| app.accounts.contains_key(waba_id))
    }

    /// The polled accounts, each with the index of its app. Lost accounts are not polled: Meta no longer shows
    /// them to any app.
    pub fn polled(&self) -> impl Iterator<Item = (&WabaId, usize)> {
        let owners = self.owners.iter().map(|(id, index)| (id, *index));
        owners.filter(|(id, index)| !self.apps[*index].accounts[*id].is_lost)
    }

    /// The accounts that no app finds any more.
    #[must_use]
    pub fn lost(&self) -> BTreeSet<&WabaId> {
        let owners = self.owners.iter();
        let lost = owners.filter(|(id, index)| self.apps[**index].accounts[*id].is_lost);
        lost.map(|(id, _)| id).collect()
    }

    /// The name of the app that polls this account, or that polled it before it was lost.
    #[must_use]
    pub fn app_of(&self, waba_id: &WabaId) -> Option<&Arc<str>> {
        let index = self.owners.get(waba_id)?;
        Some(&self.apps[*index].app)
    }

    /// Number of accounts that each app watches, by source, without lost accounts.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &'static str, usize)> {
        self.apps.iter().flat_map(|app| {
            AccountSource::KINDS.into_iter().map(|kind| {
                let found = app.accounts.values().filter(|one| !one.is_lost);
                let count = found.filter(|one| one.source.kind() == kind).count();
                (app.app.as_ref(), kind, count)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waba(id: &str) -> WabaId {
        WabaId::parse(id).expect("digits")
    }

    fn app(name: &str, accounts: &[(&str, AccountSource, bool)]) -> AppAccounts {
        let assigned = |(id, source, is_lost): &(&str, AccountSource, bool)| {
            let (source, is_lost) = (source.clone(), *is_lost);
            (waba(id), Assigned { source, is_lost })
        };
        AppAccounts {
            app: name.into(),
            accounts: accounts.iter().map(assigned).collect(),
        }
    }

    #[test]
    fn the_first_app_polls_an_account_and_lost_accounts_are_not_polled() {
        use AccountSource::{Business, Configured, Token};
        let business = Business(BusinessId::parse("7").expect("digits"));
        let found_and_lost = [("1", Token, false), ("2", Token, true), ("3", Token, true)];
        let assignments = Assignments::new(vec![
            app("a", &found_and_lost),
            app("b", &[("1", Configured, false), ("2", business, false)]),
            app("c", &[("1", Configured, false)]),
        ]);
        let polled: Vec<_> = assignments
            .polled()
            .map(|(id, index)| (id.as_str(), index))
            .collect();
        assert_eq!(polled, [("1", 0), ("2", 1)]);
        assert_eq!(assignments.lost(), [&waba("3")].into());
        let app_of = |id| assignments.app_of(&waba(id)).map(AsRef::as_ref);
        assert_eq!((app_of("3"), app_of("4")), (Some("a"), None));
        let counts = assignments.counts().filter(|(.., count)| *count > 0);
        let expected = [
            ("a", "token", 1),
            ("b", "configured", 1),
            ("b", "business", 1),
            ("c", "configured", 1),
        ];
        assert_eq!(counts.collect::<Vec<_>>(), expected);
    }
}
