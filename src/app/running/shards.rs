//! Follows the other replicas: the shards that this one owns, and the accounts that another one has discovered.

use std::sync::Arc;

use super::{RunningParts, start_relay};
use crate::app::core::Core;
use crate::app::{discovery, losses, notifying, relaying};

impl RunningParts {
    /// Polls, forwards and notifies for the shards that this replica owns from now on.
    ///
    /// # Errors
    /// If the store does not accept commits.
    pub async fn follow_shards(&mut self) -> anyhow::Result<()> {
        let assignments = self.assignments.load_full();
        let core = &self.core;
        let shards = core.store.shards().borrow().len();
        let polled = assignments.polled();
        let accounts = polled.filter(|(waba_id, _)| core.store.exports_account(waba_id));
        tracing::info!(
            shards,
            accounts = accounts.count(),
            "polling and exporting the owned shards"
        );
        self.polling
            .follow(&self.config, &assignments, &self.clients, core)
            .await;
        for (waba_id, index) in assignments.polled() {
            if !core.store.exports_account(waba_id) {
                let app = &assignments.apps()[index].app;
                core.telemetry.polls.forget(app, waba_id);
                core.telemetry.forget_account(waba_id);
                for client in &self.clients {
                    client.forget_account(waba_id);
                }
            }
        }
        self.search_own_apps();
        // The relay and the receivers handle only deliveries and changes of the owned shards.
        self.restart_relay().await?;
        let core = &self.core;
        let receivers = notifying::prepare(&self.config.notify, core).await?;
        self.notify.stop().await;
        self.notify = notifying::start(&self.config.notify, receivers, &self.assignments, core);
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }

    /// Runs the searches of the apps whose shard this replica owns.
    pub(super) fn search_own_apps(&mut self) {
        let Core {
            store, telemetry, ..
        } = &self.core;
        self.discovery
            .follow(&self.config, &self.clients, telemetry, |app| {
                store.exports_key(&app.name)
            });
    }

    /// Restarts the relay from the stored deliveries of the owned shards, after other shards are owned or an operator
    /// has changed deliveries on another replica.
    ///
    /// # Errors
    /// If the store does not accept commits.
    pub async fn restart_relay(&mut self) -> anyhow::Result<()> {
        // Stopped first: the running relay would count deliveries as lost that the store no longer has.
        self.relay.stop().await;
        let core = &self.core;
        let upstreams = relaying::prepare(&self.config.relay, core).await?;
        self.relay = start_relay(&self.config, upstreams, core);
        self.relay_control.store(Arc::new(self.relay.control()));
        Ok(())
    }

    /// Watches the accounts that another replica has discovered.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn follow_discovered(&mut self) -> anyhow::Result<()> {
        let discovered = self.core.store.remembered().await?;
        if discovered == self.discovered {
            return Ok(());
        }
        let assignments = discovery::assignments(&self.config, &discovered);
        let (config, clients) = (self.config.clone(), self.clients.clone());
        self.apply_config(config, assignments, &clients).await?;
        self.discovered = discovered;
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }
}
