//! Changes of the watched accounts: discovered, lost, forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::RunningParts;
use crate::app::discovery::{self, FoundAccounts};
use crate::app::losses;
use crate::app::settings;
use crate::domain::{AccountsOfApp, Assignments, WabaId};
use crate::ingest::graph::Client;
use crate::serve::forget::ForgetError;

impl RunningParts {
    /// Watches the discovered accounts, and stores them for the next start.
    pub async fn watch_discovered(&mut self, app: &str, found: &FoundAccounts) {
        let Some(config) = self.config.apps.iter().find(|config| config.name == app) else {
            return;
        };
        let before = self.discovered.get(app).cloned().unwrap_or_default();
        let after = discovery::accounts_after_search(config, &before, found);
        let former = discovery::left_of_former_names(config, &self.config, &self.discovered);
        let is_changed = after != before || !former.is_empty();
        if is_changed && let Err(error) = self.replace_discovered(app, after, former).await {
            let error = format!("{error:#}");
            tracing::error!(
                app,
                error,
                "could not watch the discovered accounts; retrying at the next discovery"
            );
        }
        // Also after a search without changes, because the previous commit may have failed.
        losses::note(&self.core.store, &self.assignments.load_full()).await;
    }

    /// Removes a lost account. The caller has authorized the request.
    ///
    /// # Errors
    /// If the account is not lost, or the store cannot commit the removal.
    pub async fn forget(&mut self, waba_id: &WabaId) -> Result<(), ForgetError> {
        let assignments = self.assignments.load_full();
        if !assignments.contains(waba_id) {
            return Err(ForgetError::Unknown);
        }
        if settings::accounts(&self.config).any(|listed| listed == *waba_id) {
            return Err(ForgetError::Listed);
        }
        if !assignments.lost().contains(waba_id) {
            return Err(ForgetError::NotLost);
        }
        for (app, mut accounts) in self.discovered.clone() {
            if accounts.remove(waba_id).is_some() {
                let forgotten = self.replace_accounts(&app, accounts).await;
                forgotten.map_err(|error| ForgetError::NotStored(format!("{error:#}")))?;
            }
        }
        tracing::info!(%waba_id, "lost account forgotten");
        Ok(())
    }

    /// Replaces the accounts of an app after a search, and those of its former names.
    async fn replace_discovered(
        &mut self,
        app: &str,
        accounts: AccountsOfApp,
        former: Vec<(String, AccountsOfApp)>,
    ) -> anyhow::Result<()> {
        self.replace_accounts(app, accounts).await?;
        for (name, left) in former {
            self.core.store.remember(&name, left.clone()).await?;
            self.discovered.insert(name, left);
        }
        Ok(())
    }

    async fn replace_accounts(&mut self, app: &str, accounts: AccountsOfApp) -> anyhow::Result<()> {
        let mut discovered = self.discovered.clone();
        discovered.insert(app.to_owned(), accounts.clone());
        self.core.store.remember(app, accounts).await?;
        let assignments = discovery::assignments(&self.config, &discovered);
        let (config, clients) = (self.config.clone(), self.clients.clone());
        self.apply_config(config, assignments, &clients).await?;
        self.discovered = discovered;
        Ok(())
    }

    /// Drops the series of accounts that are no longer watched or polled, and logs new accounts.
    pub(super) fn note_assignments(&self, before: &Assignments, clients: &[Arc<Client>]) {
        let now = self.assignments.load();
        let polled: BTreeMap<&WabaId, usize> = now.polled().collect();
        for (waba_id, index) in before.polled() {
            let app = &before.apps()[index].app;
            let is_polled_by_it = polled
                .get(waba_id)
                .is_some_and(|index| now.apps()[*index].app == *app);
            if !is_polled_by_it {
                self.core.telemetry.polls.forget(app, waba_id);
            }
            if !polled.contains_key(waba_id) {
                self.core.telemetry.forget_quota(waba_id);
            }
        }
        for waba_id in before.accounts().filter(|waba_id| !now.contains(waba_id)) {
            tracing::info!(%waba_id, "stopped watching account");
            self.core.telemetry.forget_account(waba_id);
            for client in clients {
                client.forget_account(waba_id);
            }
        }
        for waba_id in now.accounts().filter(|waba_id| !before.contains(waba_id)) {
            let app = now.app_of(waba_id).map(AsRef::as_ref);
            tracing::info!(%waba_id, app, "watching account");
        }
    }
}
