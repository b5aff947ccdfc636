//! Fixes the subscriptions that `doctor` finds missing: the app's subscriptions to its accounts and webhook fields.
//!
//! A plan is computed first. It can be printed, or executed step by step. Correct settings need no step, so a second
//! run does nothing. A callback URL that points elsewhere is replaced only on request, because production may depend
//! on it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use reqwest::Url;

use super::discovery::search;
use super::settings;
use crate::config::{AppConfig, Config};
use crate::domain::{WabaId, WebhookField, Word};
use crate::ingest::graph::{Calls, Client, Usage, is_callback};
use crate::telemetry::Telemetry;

/// Whether to subscribe or to unsubscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionPlan {
    /// Subscribe to webhooks.
    Subscribe {
        /// Whether to replace a callback URL that points elsewhere.
        move_callback: bool,
    },
    /// End the webhooks of the accounts. The app's own subscription remains.
    Unsubscribe,
}

/// Allows calls up to the share of Meta's quota that polls may use. A run that reaches it ends, and the next run
/// continues.
struct WhileQuotaLasts {
    most_used: f64,
    is_spent: AtomicBool,
}

impl WhileQuotaLasts {
    fn new(most_used: f64) -> Self {
        let is_spent = AtomicBool::new(false);
        Self {
            most_used,
            is_spent,
        }
    }
}

impl Calls for WhileQuotaLasts {
    fn may_call(&self) -> bool {
        !self.is_spent.load(Ordering::Relaxed)
    }

    fn used(&self, usage: &Usage) {
        let is_spent = usage.ratio >= self.most_used;
        self.is_spent.store(is_spent, Ordering::Relaxed);
    }
}

/// One change at Meta.
enum SubscriptionStep {
    Account(WabaId),
    Webhook {
        callback_url: Url,
        fields: Vec<String>,
        update: Vec<String>,
    },
}

/// The steps for one app.
pub struct Plan<'a> {
    app: &'a AppConfig,
    client: Arc<Client>,
    calls: WhileQuotaLasts,
    plan: SubscriptionPlan,
    steps: Vec<SubscriptionStep>,
}

impl<'a> Plan<'a> {
    /// Reads the current subscriptions of every app from Meta.
    ///
    /// # Errors
    /// If they cannot be read, or if an operator must decide something first.
    pub async fn all(config: &'a Config, plan: SubscriptionPlan) -> anyhow::Result<Vec<Self>> {
        let clients = settings::clients(config, &Arc::new(Telemetry::new()))?;
        let mut plans = Vec::new();
        for (app, client) in config.apps.iter().zip(clients) {
            let mut plan = Self {
                app,
                client,
                calls: WhileQuotaLasts::new(config.poll.max_usage_ratio),
                plan,
                steps: Vec::new(),
            };
            plan.ask(config)
                .await
                .with_context(|| format!("app {}", app.name))?;
            plans.push(plan);
        }
        Ok(plans)
    }

    /// Whether nothing needs to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Executes the steps.
    ///
    /// # Errors
    /// At the first step that Meta rejects.
    pub async fn apply(&self) -> anyhow::Result<()> {
        for step in &self.steps {
            let done = match step {
                SubscriptionStep::Account(waba_id) => match self.plan {
                    SubscriptionPlan::Subscribe { .. } => {
                        self.client.subscribe(waba_id, &self.calls).await
                    }
                    SubscriptionPlan::Unsubscribe => {
                        self.client.unsubscribe(waba_id, &self.calls).await
                    }
                },
                SubscriptionStep::Webhook {
                    callback_url,
                    fields,
                    ..
                } => {
                    let token = self.app.webhook_verify_token.as_ref();
                    let token = token.context("no verify token is configured")?;
                    let set =
                        self.client
                            .set_webhook(callback_url.as_str(), token, fields, &self.calls);
                    set.await
                }
            };
            let description = self.describe(step);
            done.with_context(|| format!("app {}: failed to {description}", self.app.name))?;
            tracing::info!(
                app = self.app.name,
                step = description,
                "applied change at meta"
            );
        }
        Ok(())
    }

    async fn ask(&mut self, config: &Config) -> anyhow::Result<()> {
        // First, because accounts can be subscribed only if a callback URL is set.
        if let SubscriptionPlan::Subscribe { move_callback } = self.plan {
            let step = self.webhook(config, move_callback).await?;
            self.steps.extend(step);
        }
        for waba_id in &self.accounts().await? {
            let reading = self.client.read_account(waba_id, &self.calls).await;
            let reading = reading.with_context(|| format!("account {waba_id}"))?;
            let is_subscribed = reading.webhook_subscribed.with_context(|| {
                format!("account {waba_id}: cannot determine whether the app is subscribed; set its id (WHATSAPP_APP_ID)")
            })?;
            let is_wished = matches!(self.plan, SubscriptionPlan::Subscribe { .. });
            if is_subscribed != is_wished {
                self.steps.push(SubscriptionStep::Account(waba_id.clone()));
            }
        }
        Ok(())
    }

    /// The configured and the discovered accounts.
    async fn accounts(&self) -> anyhow::Result<BTreeSet<WabaId>> {
        let mut accounts: BTreeSet<WabaId> = self.app.accounts.iter().cloned().collect();
        if self.app.discovery.is_on() {
            let found = search(self.app, &self.client, &self.calls).await?;
            accounts.extend(found.taken.into_keys());
        }
        Ok(accounts)
    }

    /// The step that sets a missing or different callback URL and missing fields. `None` if they are correct.
    async fn webhook(
        &self,
        config: &Config,
        move_callback: bool,
    ) -> anyhow::Result<Option<SubscriptionStep>> {
        let wished = config.webhook.callback_url.as_ref();
        let wished = wished.context(
            "webhook.callback_url is not set; set it to the URL at which Meta can reach this exporter",
        )?;
        let subscription = self.client.read_subscription(&self.calls).await?;
        let subscription = subscription.context(
            "Meta does not report which app the token belongs to; set its id (WHATSAPP_APP_ID)",
        )?;
        let there = subscription
            .callback_url
            .as_deref()
            .filter(|_| subscription.is_active);
        let is_here = there.is_some_and(|there| is_callback(there, wished));
        if there.is_some() && !is_here && !move_callback {
            bail!(
                "its callback URL points elsewhere, perhaps to your production; create a second app for the exporter, or \
                 --move-callback if nothing else needs them"
            );
        }
        let needed: BTreeSet<String> = WebhookField::WATCHED
            .iter()
            .map(|field| field.as_str().to_owned())
            .collect();
        let present: BTreeSet<String> = subscription.fields.keys().cloned().collect();
        let update: Vec<String> = needed.difference(&present).cloned().collect();
        if is_here && update.is_empty() {
            return Ok(None);
        }
        // Meta replaces the list as a whole, so it must include the app's existing fields.
        let fields = present.union(&needed).cloned().collect();
        Ok(Some(SubscriptionStep::Webhook {
            callback_url: wished.clone(),
            fields,
            update,
        }))
    }

    fn describe(&self, step: &SubscriptionStep) -> String {
        match (step, self.plan) {
            (SubscriptionStep::Account(waba_id), SubscriptionPlan::Subscribe { .. }) => {
                format!("subscribe to account {waba_id}")
            }
            (SubscriptionStep::Account(waba_id), SubscriptionPlan::Unsubscribe) => {
                format!("unsubscribe from account {waba_id}")
            }
            (
                SubscriptionStep::Webhook {
                    callback_url,
                    update,
                    ..
                },
                _,
            ) => {
                let fields = if update.is_empty() {
                    "the subscribed fields stay".to_owned()
                } else {
                    format!("also subscribe to {}", update.join(", "))
                };
                format!("set the callback URL to {callback_url}; {fields}")
            }
        }
    }
}

impl Display for Plan<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.app.name;
        if self.is_empty() {
            return write!(out, "app {name}: nothing to do");
        }
        let lines = self
            .steps
            .iter()
            .map(|step| format!("app {name}: {}", self.describe(step)));
        out.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}
