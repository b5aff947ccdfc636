//! Converts the configuration to the types of the modules that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{self, AppConfig, Config};
use crate::domain::track::Trackers;
use crate::domain::{Assignments, CallbackUrl, WabaId};
use crate::expose::Options;
use crate::ingest::CustomerHasher;
use crate::ingest::graph::{Client, ClientOptions, callback_url};
use crate::ingest::poll::{Budget, Cadences, InsightsOptions, PollingApp, WatchedApp};
use crate::ingest::webhook::{Verifier, VerifyTokens};
use crate::serve::{ClientRules, Limits, Secrets};
use crate::store::postgres::PostgresOptions;
use crate::store::{Location, ReplicaInfo, Store};
use crate::telemetry::Telemetry;

/// Every configured account, without duplicates.
pub(super) fn accounts(config: &Config) -> impl Iterator<Item = WabaId> {
    let apps = config.apps.iter();
    let listed: BTreeSet<WabaId> = apps.flat_map(|app| app.accounts.iter().cloned()).collect();
    listed.into_iter()
}

/// The client of each app, in configuration order.
pub(super) fn clients(
    config: &Config,
    telemetry: &Arc<Telemetry>,
) -> anyhow::Result<Vec<Arc<Client>>> {
    clients_after(config, &[], config, telemetry)
}

/// Like [`clients`], reusing the running clients of the earlier configuration. An app with unchanged access to the
/// Graph API keeps its client, and with it the dropped fields and its position in the schedule.
pub(super) fn clients_after(
    before: &Config,
    running: &[Arc<Client>],
    config: &Config,
    telemetry: &Arc<Telemetry>,
) -> anyhow::Result<Vec<Arc<Client>>> {
    let kept = |app: &AppConfig| {
        let mut apps = before.apps.iter().zip(running);
        let same = apps.find(|(before, _)| before.has_access_of(app));
        let same = same.filter(|_| before.graph == config.graph);
        same.map(|(_, client)| Arc::clone(client))
    };
    let client = |app: &AppConfig| {
        if let Some(client) = kept(app) {
            return Ok(client);
        }
        let options = ClientOptions {
            base_url: config.graph.base_url.clone(),
            api_version: config.graph.api_version.clone(),
            access_token: app.access_token.clone(),
            app_secret: app.app_secret.clone(),
            app_id: app.app_id.clone(),
            request_timeout: config.graph.request_timeout,
            max_answer_bytes: config.graph.max_answer_bytes,
        };
        Ok(Arc::new(Client::new(options, Arc::clone(telemetry))?))
    };
    config.apps.iter().map(client).collect()
}

/// Every polled account with its app.
pub(super) fn polling_apps(
    assignments: &Assignments,
    clients: &[Arc<Client>],
    store: &Store,
) -> BTreeMap<WabaId, PollingApp> {
    let polled = assignments.polled();
    let polled = polled.filter(|(waba_id, _)| store.exports_account(waba_id));
    let polled = polled.map(|(waba_id, index)| {
        let (name, client) = (&assignments.apps()[index].app, &clients[index]);
        let (name, client) = (Arc::clone(name), Arc::clone(client));
        (waba_id.clone(), PollingApp { name, client })
    });
    polled.collect()
}

/// Every app with its client, for polling its access.
pub(super) fn watched_apps(config: &Config, clients: &[Arc<Client>]) -> Vec<WatchedApp> {
    let apps = config.apps.iter().zip(clients);
    let watched = apps.map(|(app, client)| WatchedApp {
        name: app.name.clone(),
        client: Arc::clone(client),
        wants_webhooks: config.webhook.enabled,
        callback_url: config.webhook.callback_url.clone(),
    });
    watched.collect()
}

/// The detail of template metrics.
pub(super) fn options(config: &Config) -> Options {
    Options {
        template_detail: config.templates.detail,
        state_sets: config.metrics.state_sets,
        created_timestamps: config.metrics.created_timestamps,
        template_state_sets: config.templates.state_sets,
        template_series_limit: config.templates.series_limit,
        business_hours: config.trackers.hours().map(Arc::new),
        callback: expected_callback(config),
        journeys: config.trackers.journeys.clone(),
        campaigns: {
            let names = config.trackers.campaigns.names().into_iter();
            names.map(str::to_owned).collect()
        },
        experiments: config.trackers.experiments.clone(),
        polls_insights: config.insights.enabled,
    }
}

/// The URL at which webhooks are expected, without the parts that may be secret. `None` if not configured.
pub(super) fn expected_callback(config: &Config) -> Option<CallbackUrl> {
    let webhook = &config.webhook;
    let url = webhook.callback_url.as_ref().filter(|_| webhook.enabled);
    url.and_then(|url| callback_url(url.as_str()))
}

/// The limits of both listeners.
pub(super) fn limits(config: &Config) -> [(Limits, ClientRules); 2] {
    let (web, webhook) = (&config.web, &config.webhook);
    let rules = |proxy_protocol, most_per_client| ClientRules {
        trusted_proxies: web.trusted_proxies.as_slice().into(),
        proxy_protocol,
        most_per_client,
    };
    let web_rules = rules(web.proxy_protocol, web.max_connections_per_client);
    let webhook_rules = rules(webhook.proxy_protocol, webhook.max_connections_per_client);
    [
        (Limits::new(web.max_connections), web_rules),
        (Limits::new(webhook.max_connections), webhook_rules),
    ]
}

/// The secrets for verifying deliveries and handshakes.
pub(super) fn secrets(
    config: &Config,
    assignments: &Arc<Assignments>,
    customers: &CustomerHasher,
) -> Secrets {
    let named = |secret: fn(&AppConfig) -> &Option<SecretString>| {
        let secrets = config.apps.iter().filter_map(move |app| {
            let name: Arc<str> = Arc::from(app.name.as_str());
            Some((name, secret(app).clone()?))
        });
        secrets.collect::<Vec<_>>()
    };
    let tokens = config
        .apps
        .iter()
        .filter_map(|app| app.webhook_verify_token.clone());
    let token =
        |token: &Option<SecretString>| token.clone().map(|token| VerifyTokens::new(&[token]));
    Secrets {
        assignments: Arc::clone(assignments),
        trackers: trackers(config),
        events: token(&config.trackers.token),
        gate: token(&config.gate.token),
        customers: customers.clone(),
        tracks_messages: config.trackers.enabled,
        verifier: Verifier::new(&named(|app| &app.app_secret))
            .with_previous(&named(|app| &app.app_secret_previous)),
        tokens: VerifyTokens::new(&tokens.collect::<Vec<SecretString>>()),
    }
}

/// The settings of conversation metrics.
pub(super) fn trackers(config: &Config) -> Arc<Trackers> {
    Arc::new(Trackers {
        hours: config.trackers.hours(),
        journeys: config.trackers.journeys.clone(),
        reads_messages: config.trackers.enabled,
        campaigns: config.trackers.campaigns.clone(),
        experiments: config.trackers.experiments.clone(),
    })
}

/// Interval of each collector.
pub(super) fn cadences(config: &Config) -> Cadences {
    Cadences {
        numbers: config.poll.numbers_interval,
        account: config.poll.account_interval,
        templates: config.poll.templates_interval,
        insights: insights(config),
        startup_spread: config.poll.startup_spread,
    }
}

/// How insights are polled. `None` if they are not enabled.
pub(super) fn insights(config: &Config) -> Option<InsightsOptions> {
    let insights = &config.insights;
    insights.enabled.then_some(InsightsOptions {
        interval: insights.interval,
        max_templates: insights.max_templates,
        time_zone: insights.time_zone,
    })
}

/// The location of state and history.
pub(super) fn location(config: &Config) -> Location {
    location_of(&config.store)
}

/// The location of a store.
pub(super) fn location_of(store: &config::StoreConfig) -> Location {
    match &store.url {
        config::StoreUrl::Memory => Location::Memory,
        config::StoreUrl::File(path) => Location::File(path.clone()),
        config::StoreUrl::Server(url) => Location::Server(Box::new(PostgresOptions {
            url: (**url).clone(),
            password_file: store.password_file.clone().map(|file| file.0),
            schema: store.schema.clone(),
            max_connections: store.max_connections,
        })),
    }
}

/// What this process publishes to other replicas.
pub(super) fn replica(config: &Config) -> ReplicaInfo {
    let external_url = config.web.external_url.as_ref();
    let address = external_url.map_or_else(
        || config.web.listen_address.to_string(),
        |url| url.as_str().to_owned(),
    );
    ReplicaInfo {
        address,
        config_hash: config.shared_hash(),
    }
}

/// A fresh budget of one account.
pub(super) fn budget(config: &Config) -> Budget {
    Budget::new(config.poll.calls_per_hour, config.poll.max_usage_ratio)
}
