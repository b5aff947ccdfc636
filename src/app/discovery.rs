//! Discovers the accounts that an app watches, at an interval.
//!
//! Only a complete search counts, in which every request succeeded. An account that it no longer finds is lost: Meta
//! sends no notification when a system user loses an assignment, so the account stays on the status page until it
//! returns.

mod running;
mod search;
mod searcher;

use crate::config::{AppConfig, Config};
use crate::domain::{AccountSource, AccountsOfApp, AppAccounts, Assigned, Assignments, WabaId};
use crate::store::Discovered;
pub(super) use running::Discovery;
pub(super) use search::{FoundAccounts, SearchError, search};

/// An app's accounts after a search. A lost account stays until it returns or is forgotten. An account that the
/// configuration filters out is not lost; it is removed.
pub(super) fn accounts_after_search(
    app: &AppConfig,
    before: &AccountsOfApp,
    found: &FoundAccounts,
) -> AccountsOfApp {
    let is_lost = |waba_id: &WabaId, assigned: &Assigned| {
        let is_found = found.taken.contains_key(waba_id)
            || found.left_out.contains(waba_id)
            || found.unnamed.contains_key(waba_id);
        !is_found && searches(app, &assigned.source) && !app.discovery.excludes(waba_id)
    };
    let mut accounts: AccountsOfApp = before
        .iter()
        .filter(|(waba_id, assigned)| is_lost(waba_id, assigned))
        .map(|(waba_id, before)| {
            let (source, is_lost) = (before.source.clone(), true);
            (waba_id.clone(), Assigned { source, is_lost })
        })
        .collect();
    let unnamed = found.unnamed.iter();
    let unnamed = unnamed.filter(|(waba_id, _)| before.contains_key(*waba_id));
    let taken = found.taken.iter().chain(unnamed);
    accounts.extend(taken.map(|(id, source)| (id.clone(), Assigned::from_source(source.clone()))));
    accounts
}

/// Whether the app's configuration still includes this source.
fn searches(app: &AppConfig, source: &AccountSource) -> bool {
    match source {
        AccountSource::Configured => false,
        AccountSource::Token => app.discovery.by_token,
        AccountSource::Business(business) => app.discovery.businesses.contains(business),
    }
}

/// The stored accounts of names that no app has any more.
fn of_former_names<'a>(
    config: &'a Config,
    discovered: &'a Discovered,
) -> impl Iterator<Item = (&'a String, &'a AccountsOfApp)> {
    let is_former = |name: &str| config.apps.iter().all(|app| app.name != name);
    discovered.iter().filter(move |(name, _)| is_former(name))
}

/// The stored accounts of an app. An app that was renamed has those of its former name until its first search: otherwise
/// webhooks about them would be ignored until then.
fn stored_accounts<'a>(
    app: &AppConfig,
    config: &'a Config,
    discovered: &'a Discovered,
) -> Vec<(&'a WabaId, &'a Assigned)> {
    if let Some(own) = discovered.get(&app.name) {
        return own.iter().collect();
    }
    let former = of_former_names(config, discovered).flat_map(|(_, accounts)| accounts);
    former
        .filter(|(_, assigned)| searches(app, &assigned.source))
        .collect()
}

/// The former names whose accounts this app has taken over, each with the accounts that are left for other apps.
pub(super) fn left_of_former_names(
    app: &AppConfig,
    config: &Config,
    discovered: &Discovered,
) -> Vec<(String, AccountsOfApp)> {
    let left = of_former_names(config, discovered).filter_map(|(name, accounts)| {
        let mut left = accounts.clone();
        left.retain(|_, assigned| !searches(app, &assigned.source));
        (left.len() < accounts.len()).then(|| (name.clone(), left))
    });
    left.collect()
}

/// The accounts of every app: configured, discovered and lost.
pub(super) fn assignments(config: &Config, discovered: &Discovered) -> Assignments {
    let apps = config.apps.iter().map(|app| {
        let found = stored_accounts(app, config, discovered).into_iter();
        // A lost account is removed together with the search that found it, or when `exclude` matches its id. All
        // others stay until the next search.
        let stays = |waba_id: &WabaId, one: &Assigned| {
            !one.is_lost || searches(app, &one.source) && !app.discovery.excludes(waba_id)
        };
        let found = found.filter(|(waba_id, one)| stays(waba_id, one));
        let found = found.filter(|_| app.discovery.is_on());
        let mut accounts: AccountsOfApp =
            found.map(|(id, one)| (id.clone(), one.clone())).collect();
        let listed = app.accounts.iter().cloned();
        let configured = || Assigned::from_source(AccountSource::Configured);
        accounts.extend(listed.map(|waba_id| (waba_id, configured())));
        AppAccounts {
            app: app.name.as_str().into(),
            accounts,
        }
    });
    Assignments::new(apps.collect())
}
