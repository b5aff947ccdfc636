//! Applies a new configuration, or new certificates and passwords, to the running parts.

use std::sync::Arc;

use super::counters;
use super::{RunningParts, log_signals, start_relay};
use crate::app::gates::{self, LoadedWebFiles, Watch};
use crate::app::sources::warn_of_log_changes;
use crate::app::{discovery, losses, notifying, pushing, relaying, settings};
use crate::config::Config;
use crate::domain::Assignments;
use crate::ingest::graph::Client;

impl RunningParts {
    /// Applies a newly read configuration. Keeps the old one if the new one is not valid.
    pub async fn reload(&mut self, loaded: Result<Config, String>) -> Result<(), String> {
        let outcome = match loaded {
            Ok(config) => self
                .reload_as(config)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(errors) => Err(errors),
        };
        match &outcome {
            Ok(()) => {
                self.start_counters();
                self.sources.note_loaded(&self.core.telemetry, &self.config);
                tracing::info!("configuration reloaded");
            }
            Err(errors) => {
                self.sources.note_failed(&self.core.telemetry);
                tracing::error!(%errors, "could not reload the configuration; keeping the current one");
            }
        }
        outcome
    }

    async fn reload_as(&mut self, config: Config) -> anyhow::Result<()> {
        warn_of_restarts(&config, &self.config);
        // Otherwise rules for the new listeners would apply to the ports in use.
        let config = config.keeping_started(&self.config);
        let telemetry = &self.core.telemetry;
        let clients = settings::clients_after(&self.config, &self.clients, &config, telemetry)?;
        for client in &clients {
            client.request_all_fields();
        }
        let assignments = discovery::assignments(&config, &self.discovered);
        self.apply_config(config, assignments, &clients).await?;
        self.clients = clients;
        self.search_own_apps();
        losses::note(&self.core.store, &self.assignments.load_full()).await;
        Ok(())
    }

    /// Applies the changed files of the listeners, without reloading the rest of the configuration.
    pub fn apply_web_files(&mut self, files: LoadedWebFiles) {
        let applied = self.try_apply_web_files(files);
        self.sources
            .note_web_files(&self.core.telemetry, applied.is_ok());
        match applied {
            Ok(()) => tracing::info!("reloaded the listeners' certificates and passwords"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "could not reload the listeners' certificates and passwords; keeping the current ones"
                );
            }
        }
    }

    fn try_apply_web_files(&mut self, files: LoadedWebFiles) -> anyhow::Result<()> {
        let [web, webhook] = files?;
        let mut config = self.config.clone();
        (config.web.config_file, config.webhook.config_file) = (web, webhook);
        config.webhook.check_changed_file()?;
        self.gates.install(gates::prepare(&config)?);
        self.config = config;
        Ok(())
    }

    /// Replaces the configuration and the watched accounts in every part. After an error, `config` and
    /// `assignments` have the values that are in force: the previous ones, except for `relay` and `notify` if these were
    /// replaced before the error.
    pub(super) async fn apply_config(
        &mut self,
        config: Config,
        assignments: Assignments,
        clients: &[Arc<Client>],
    ) -> anyhow::Result<()> {
        let prepared = gates::prepare(&config)?;
        let target = pushing::target(&config)?;
        let assignments = Arc::new(assignments);
        // First, because it can fail, and because sessions that ended meanwhile are counted as soon as their account is
        // loaded.
        self.core.store.track(settings::trackers(&config)).await?;
        let mut replaced = Vec::new();
        replaced.extend(self.replace_relay(&config).await?);
        let notify = self.replace_notify(&config).await;
        replaced.extend(notify.map_err(|error| error_after(&replaced, error))?);
        // After them, because a reload that fails must not drop the metrics of accounts. Accounts that are already
        // watched do not change.
        let watched = assignments.accounts().cloned().collect();
        let watching = self.core.store.watch(watched).await;
        watching.map_err(|error| error_after(&replaced, error.into()))?;
        self.core.store.set_drift_grace(config.poll.drift_grace);
        if config.otlp != self.config.otlp {
            self.pushing.send_replace(target);
        }
        self.core.store.set_replica(settings::replica(&config));
        let core = &self.core;
        self.polling
            .follow(&config, &assignments, clients, core)
            .await;
        self.options.store(Arc::new(settings::options(&config)));
        let policy = &self.send_gate.policy;
        policy.store(Arc::new(config.gate.to_policy()));
        let secrets = settings::secrets(&config, &assignments, &self.customers);
        self.secrets.store(Arc::new(secrets));
        self.gates.install(prepared);
        self.watch = Watch::new(&config);
        log_signals(&self.core.telemetry, &config);
        for app in &self.config.apps {
            if config.apps.iter().all(|now| now.name != app.name) {
                counters::forget(&self.core.telemetry, app);
            }
        }
        self.config = config;
        let before = self.assignments.swap(assignments);
        self.note_assignments(&before, clients);
        Ok(())
    }

    /// Returns the section that it replaced.
    async fn replace_relay(&mut self, config: &Config) -> anyhow::Result<Option<&'static str>> {
        if config.relay == self.config.relay {
            return Ok(None);
        }
        let upstreams = relaying::prepare(&config.relay, &self.core).await?;
        self.relay.stop().await;
        self.relay = start_relay(config, upstreams, &self.core);
        self.relay_control.store(Arc::new(self.relay.control()));
        relaying::forget_removed(&self.config.relay, &config.relay, &self.core.telemetry);
        self.config.relay = config.relay.clone();
        Ok(Some("relay"))
    }

    /// Returns the section that it replaced.
    async fn replace_notify(&mut self, config: &Config) -> anyhow::Result<Option<&'static str>> {
        if config.notify == self.config.notify {
            return Ok(None);
        }
        let receivers = notifying::prepare(&config.notify, &self.core).await?;
        self.notify.stop().await;
        let (assignments, core) = (&self.assignments, &self.core);
        self.notify = notifying::start(&config.notify, receivers, assignments, core);
        notifying::forget_removed(&self.config.notify, &config.notify, &core.telemetry);
        self.config.notify = config.notify.clone();
        Ok(Some("notify"))
    }
}

/// Logs the changed settings that the running exporter keeps.
fn warn_of_restarts(config: &Config, running: &Config) {
    let changed = config.listener_changes(running);
    if !changed.is_empty() {
        let keys = changed.join(", ");
        tracing::warn!(keys, "listener settings changed; restart to apply them");
    }
    if !config.stores_as(running) {
        tracing::warn!("store settings or trackers.key_file changed; restart to apply them");
    }
    warn_of_log_changes(config, running);
}

/// An error of a reload that has replaced these sections before.
fn error_after(replaced: &[&str], error: anyhow::Error) -> anyhow::Error {
    if replaced.is_empty() {
        return error;
    }
    let sections = replaced.join(" and ");
    error.context(format!(
        "the new settings of {sections} are in force already"
    ))
}
