//! The configuration as an operator may read and share it: every value in the form it is written in,
//! every secret as whether there is one.

use std::fmt::{self, Display};

use humantime::format_duration;
use reqwest::Url;

use super::apps::{AppConfig, DiscoveryConfig};
use super::log::FORMATS;
use super::templates::{DETAILS, STATE_SETS};
use super::value::{bytes_text, word_for};
use super::{ClientConfig, Config, RelayConfig, WebFile};
use crate::domain::journey::Journeys;

impl Config {
    /// One line for each setting, `key: value`; no secret.
    #[must_use]
    pub fn summary(&self) -> impl Display {
        Summary(self)
    }
}

struct Summary<'a>(&'a Config);

impl Display for Summary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config {
            web,
            webhook,
            graph,
            poll,
            store,
            templates,
            trackers,
            relay,
            log,
            apps,
            has_proxy: _,
            warnings: _,
        } = self.0;
        writeln!(out, "web.listen_address: {}", web.listen_address)?;
        writeln!(out, "web.config_file: {}", shown_path(web.file.as_ref()))?;
        writeln!(out, "web.open_probes: {}", web.open_probes)?;
        writeln!(out, "web.max_connections: {}", web.max_connections)?;
        let proxies = web.trusted_proxies.iter().map(ToString::to_string);
        let proxies = match proxies.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "none".to_owned(),
            some => some,
        };
        writeln!(out, "web.trusted_proxies: {proxies}")?;
        write_clients(out, "web", &web.clients)?;
        let external_url = web.external_url.as_ref().map_or("not set", Url::as_str);
        writeln!(out, "web.external_url: {external_url}")?;
        writeln!(out, "web.enable_lifecycle: {}", web.enable_lifecycle)?;
        writeln!(out, "web.allowed_hosts: {}", web.allowed_hosts.join(", "))?;
        writeln!(out, "webhook.enabled: {}", webhook.enabled)?;
        let webhook_address = webhook.listen_address.unwrap_or(web.listen_address);
        writeln!(out, "webhook.listen_address: {webhook_address}")?;
        let callback_url = webhook.callback_url.as_ref();
        let callback_url = callback_url.map_or("not set", Url::as_str);
        writeln!(out, "webhook.callback_url: {callback_url}")?;
        writeln!(
            out,
            "webhook.config_file: {}",
            shown_path(webhook.file.as_ref())
        )?;
        let client_ca = presence(webhook.client_ca.is_some());
        writeln!(out, "webhook.client_ca_file: {client_ca}")?;
        let common_name = &webhook.client_common_name;
        writeln!(out, "webhook.client_common_name: {common_name}")?;
        writeln!(out, "webhook.max_connections: {}", webhook.max_connections)?;
        write_clients(out, "webhook", &webhook.clients)?;
        writeln!(out, "graph.base_url: {}", graph.base_url)?;
        writeln!(out, "graph.api_version: {}", graph.api_version)?;
        writeln!(
            out,
            "graph.request_timeout: {}",
            format_duration(graph.request_timeout)
        )?;
        writeln!(
            out,
            "graph.max_answer_bytes: {}",
            bytes_text(graph.max_answer_bytes)
        )?;
        writeln!(
            out,
            "poll.numbers_interval: {}",
            format_duration(poll.numbers_interval)
        )?;
        writeln!(
            out,
            "poll.account_interval: {}",
            format_duration(poll.account_interval)
        )?;
        writeln!(
            out,
            "poll.templates_interval: {}",
            format_duration(poll.templates_interval)
        )?;
        writeln!(
            out,
            "poll.access_interval: {}",
            format_duration(poll.access_interval)
        )?;
        writeln!(
            out,
            "poll.discovery_interval: {}",
            format_duration(poll.discovery_interval)
        )?;
        writeln!(
            out,
            "poll.drift_grace: {}",
            format_duration(poll.drift_grace)
        )?;
        writeln!(out, "poll.calls_per_hour: {}", poll.calls_per_hour)?;
        writeln!(out, "poll.max_usage_ratio: {}", poll.max_usage_ratio)?;
        writeln!(out, "store.url: {}", store.url)?;
        writeln!(
            out,
            "store.history_retention: {}",
            format_duration(store.history_retention)
        )?;
        writeln!(
            out,
            "templates.detail: {}",
            word_for(&templates.detail, &DETAILS)
        )?;
        writeln!(
            out,
            "templates.state_sets: {}",
            word_for(&templates.state_sets, &STATE_SETS)
        )?;
        writeln!(out, "templates.series_limit: {}", templates.series_limit)?;
        writeln!(out, "trackers.enabled: {}", trackers.enabled)?;
        let hours = trackers.business_hours.as_deref().unwrap_or("not set");
        writeln!(out, "trackers.business_hours: {hours}")?;
        writeln!(out, "trackers.time_zone: {}", trackers.time_zone)?;
        let key_file = presence(trackers.key_file.is_some());
        writeln!(out, "trackers.key_file: {key_file}")?;
        let token = presence(trackers.token.is_some());
        writeln!(out, "trackers.token: {token}")?;
        write_journeys(out, &trackers.journeys)?;
        write_relay(out, relay)?;
        writeln!(out, "log.level: {}", log.level)?;
        writeln!(out, "log.format: {}", word_for(&log.format, &FORMATS))?;
        write!(out, "log.signals: {}", log.signals)?;
        apps.iter()
            .enumerate()
            .try_for_each(|(index, app)| write_app(out, index, app))
    }
}

fn shown_path(file: Option<&WebFile>) -> String {
    file.map_or_else(
        || "not set".to_owned(),
        |file| file.path.display().to_string(),
    )
}

fn presence(is_there: bool) -> &'static str {
    if is_there { "set" } else { "not set" }
}

fn write_clients(
    out: &mut fmt::Formatter<'_>,
    section: &str,
    clients: &ClientConfig,
) -> fmt::Result {
    writeln!(out, "{section}.proxy_protocol: {}", clients.proxy_protocol)?;
    let most = clients.max_connections.unwrap_or(0);
    writeln!(out, "{section}.max_connections_per_client: {most}")
}

fn write_journeys(out: &mut fmt::Formatter<'_>, journeys: &Journeys) -> fmt::Result {
    for (index, journey) in journeys.0.iter().enumerate() {
        let place = format!("trackers.journeys[{index}]");
        writeln!(out, "{place}.name: {}", journey.id.journey)?;
        writeln!(out, "{place}.version: {}", journey.id.version)?;
        writeln!(out, "{place}.steps: {}", journey.steps.join(", "))?;
        writeln!(out, "{place}.variants: {}", journey.variants.join(", "))?;
        let idle_timeout = format_duration(journey.idle_timeout);
        writeln!(out, "{place}.idle_timeout: {idle_timeout}")?;
        writeln!(out, "{place}.loop_threshold: {}", journey.loop_threshold)?;
    }
    Ok(())
}

fn write_relay(out: &mut fmt::Formatter<'_>, relay: &RelayConfig) -> fmt::Result {
    for (index, upstream) in relay.upstreams.iter().enumerate() {
        writeln!(out, "relay.upstreams[{index}].name: {}", upstream.name)?;
        let url = upstream.shown_url();
        writeln!(out, "relay.upstreams[{index}].url: {url}")?;
    }
    writeln!(out, "relay.max_age: {}", format_duration(relay.max_age))?;
    writeln!(out, "relay.max_bytes: {}", bytes_text(relay.max_bytes))?;
    writeln!(
        out,
        "relay.request_timeout: {}",
        format_duration(relay.request_timeout)
    )?;
    writeln!(out, "relay.max_in_flight: {}", relay.max_in_flight)
}

fn write_app(out: &mut fmt::Formatter<'_>, index: usize, app: &AppConfig) -> fmt::Result {
    let app_id = app.app_id.as_ref().map_or("not set", |id| id.as_str());
    let accounts: Vec<&str> = app
        .accounts
        .iter()
        .map(|account| account.as_str())
        .collect();
    let verify_token = presence(app.webhook_verify_token.is_some());
    write!(out, "\napps[{index}].name: {}", app.name)?;
    write!(out, "\napps[{index}].app_id: {app_id}")?;
    write!(out, "\napps[{index}].access_token: set")?;
    write!(
        out,
        "\napps[{index}].app_secret: {}",
        presence(app.app_secret.is_some())
    )?;
    write!(
        out,
        "\napps[{index}].app_secret_previous: {}",
        presence(app.app_secret_previous.is_some())
    )?;
    write!(out, "\napps[{index}].webhook_verify_token: {verify_token}")?;
    write!(out, "\napps[{index}].accounts: {}", accounts.join(", "))?;
    let DiscoveryConfig {
        by_token,
        businesses,
        include,
        exclude,
    } = &app.discovery;
    let businesses: Vec<&str> = businesses
        .iter()
        .map(|business| business.as_str())
        .collect();
    write!(out, "\napps[{index}].discover_by_token: {by_token}")?;
    write!(out, "\napps[{index}].businesses: {}", businesses.join(", "))?;
    write!(
        out,
        "\napps[{index}].include: {}",
        presence(include.is_some())
    )?;
    write!(
        out,
        "\napps[{index}].exclude: {}",
        presence(exclude.is_some())
    )
}
