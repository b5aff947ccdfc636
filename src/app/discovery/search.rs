//! One search for the accounts that an app can read.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::config::AppConfig;
use crate::domain::{AccountSource, WabaId};
use crate::ingest::graph::{Calls, Client, Failure, FoundAccount};

/// Why a search has no result.
#[derive(Debug, Error)]
pub(in crate::app) enum SearchError {
    /// A request failed.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// The token's permissions list no accounts.
    #[error(
        "the token lists no accounts: it is granted for all accounts, or Meta rejects it; list the accounts, or set apps[].businesses"
    )]
    NotNamed,
}

/// The result of a complete search for an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app) struct FoundAccounts {
    /// The accounts to watch in addition to the configured ones.
    pub taken: BTreeMap<WabaId, AccountSource>,
    /// The accounts that `include` and `exclude` filter out.
    pub left_out: BTreeSet<WabaId>,
    /// The accounts that `include` filters out only because Meta did not send their names. Those that are already
    /// watched stay watched.
    pub unnamed: BTreeMap<WabaId, AccountSource>,
}

/// Searches for every account that this app can read.
///
/// # Errors
/// If any request failed.
pub(in crate::app) async fn search(
    app: &AppConfig,
    client: &Client,
    calls: &dyn Calls,
) -> Result<FoundAccounts, SearchError> {
    let mut accounts: Vec<(FoundAccount, AccountSource)> = Vec::new();
    if app.discovery.by_token {
        let named = client.accounts_of_token(calls).await?;
        let named = named.ok_or(SearchError::NotNamed)?.into_iter();
        accounts.extend(named.map(|account| (account, AccountSource::Token)));
    }
    for business in &app.discovery.businesses {
        let source = AccountSource::Business(business.clone());
        let owned = client.accounts_of_business(business, calls).await?;
        accounts.extend(owned.into_iter().map(|account| (account, source.clone())));
    }
    Ok(select_accounts(app, accounts))
}

/// The token's permissions list accounts without names; if a portfolio lists the same account, its name is
/// matched as well.
fn select_accounts(app: &AppConfig, accounts: Vec<(FoundAccount, AccountSource)>) -> FoundAccounts {
    let mut found = FoundAccounts::default();
    for (account, source) in accounts {
        if app.discovery.includes(&account.waba_id, &account.name) {
            found.taken.entry(account.waba_id).or_insert(source);
        } else if account.name.is_empty() && matches!(source, AccountSource::Business(_)) {
            found.unnamed.insert(account.waba_id, source);
        } else {
            found.left_out.insert(account.waba_id);
        }
    }
    let taken = &found.taken;
    found.left_out.retain(|id| !taken.contains_key(id));
    found.unnamed.retain(|id, _| !taken.contains_key(id));
    found
}
