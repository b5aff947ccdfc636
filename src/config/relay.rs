//! `relay`: the upstreams to which verified deliveries are forwarded.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;

use super::kind::{Durations, NumberKind, SizeKind};
use super::section::{SummaryLine, settings};
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use super::webhook::WebhookConfig;
use crate::yaml::Node;

/// Every delivery is sent to each upstream. More receivers need a message broker.
const MAX_UPSTREAMS: usize = 16;

/// Meta retries for up to seven days.
const AGES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(7 * 86_400);

/// The minimum holds a few of the largest deliveries. Larger backlogs than the maximum need a message broker.
const SIZES: RangeInclusive<usize> = 16 << 20..=64 << 30;

/// An upstream that takes longer than a minute is considered failed.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

const NAME: Setting = Setting::new(
    "relay.upstreams[].name",
    "Name of the upstream, a label of its metrics; the default is the host of its URL",
);

/// About the number of requests that a common application server handles concurrently.
const IN_FLIGHT: RangeInclusive<usize> = 1..=1_024;

const URL: Setting = Setting::new(
    "relay.upstreams[].url",
    "URL to which every verified webhook is forwarded, byte for byte with its signature; the bodies contain \
     customers' data, so use https outside this host",
);

/// A hundred refusals take an hour and a half, at the longest wait between two attempts.
const REFUSALS: RangeInclusive<u32> = 1..=100;

settings! {
    /// Webhook relay.
    #[derive(Clone, Debug, PartialEq, Eq)]
    RelayConfig "relay" {
        /// Maximum age of a delivery that an upstream has not accepted; older deliveries are dropped.
        max_age: Duration = "1d", Durations(AGES);

        /// Maximum size in the store of the deliveries that upstreams have not accepted yet; beyond it, the oldest are
        /// dropped.
        max_bytes: usize = "256MiB", SizeKind(SIZES);

        /// Timeout of a request to an upstream.
        request_timeout: Duration = "10s", Durations(TIMEOUTS);

        /// Maximum deliveries in flight to each upstream; deliveries of one conversation are never in flight together.
        max_in_flight: usize = "64", NumberKind(IN_FLIGHT);

        /// Number of failures after which a delivery is parked while the upstream accepts others; three 4xx responses always suffice.
        park_after: u32 = "8", NumberKind(REFUSALS);
    }
    lists {
        /// Upstreams of the relay. The relay is off if the list is empty.
        upstreams: Vec<UpstreamConfig> = upstream_lines;
    }
}

/// One upstream.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// `relay.upstreams[].name`; the default is the URL's host. Unique among the upstreams.
    pub name: String,
    /// `relay.upstreams[].url`; http or https, without credentials.
    pub url: Url,
}

impl fmt::Debug for UpstreamConfig {
    /// Omits path and query, which may contain a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {}", self.name, self.shown_url())
    }
}

impl UpstreamConfig {
    /// The URL without its path and query, which may contain a secret.
    #[must_use]
    pub fn shown_url(&self) -> String {
        format!("{}/…", self.url.origin().ascii_serialization())
    }
}

impl RelayConfig {
    pub(super) fn read(walker: &mut Walker<'_>, webhook: &WebhookConfig) -> Self {
        let upstreams = read_upstreams(walker, webhook.callback_url.as_ref());
        if !(webhook.enabled || upstreams.is_empty()) {
            let message = "has no deliveries to forward, because webhook.enabled is false; remove one of the two settings";
            walker.error("relay.upstreams", message);
        }
        Self {
            upstreams,
            ..Self::read_rows(walker)
        }
    }
}

fn upstream_lines(upstreams: &[UpstreamConfig]) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    for (index, upstream) in upstreams.iter().enumerate() {
        lines.push(SummaryLine::new(NAME.key_of_item(index), &upstream.name));
        lines.push(SummaryLine::new(
            URL.key_of_item(index),
            upstream.shown_url(),
        ));
    }
    lines
}

fn read_upstreams(walker: &mut Walker<'_>, own: Option<&Url>) -> Vec<UpstreamConfig> {
    walker.note(&NAME);
    walker.note(&URL);
    // The check of the file's structure rejects anything but a list of maps.
    let Some(Node::List(items)) = walker.node("relay.upstreams") else {
        return Vec::new();
    };
    if items.len() > MAX_UPSTREAMS {
        let message =
            format!("has more than {MAX_UPSTREAMS} upstreams; forward to a message broker instead");
        walker.error("relay.upstreams", message);
    }
    let mut upstreams = Vec::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(upstream) = read_upstream(walker, item, index, own) else {
            continue;
        };
        let place = format!("relay.upstreams[{index}]");
        if let Some(first) = places.insert(upstream.name.clone(), place) {
            let message = format!("is the same as that of {first}; give each upstream its own");
            walker.error(NAME.key_of_item(index), message);
        }
        upstreams.push(upstream);
    }
    upstreams
}

fn read_upstream<'a>(
    walker: &mut Walker<'a>,
    item: &'a Node,
    index: usize,
    own: Option<&Url>,
) -> Option<UpstreamConfig> {
    let Node::Map(_) = item else {
        return None;
    };
    let [name_place, url_place] = [NAME, URL].map(|setting| setting.key_of_item(index));
    let Some(url) = item.get(URL.name()) else {
        walker.error(url_place, "is missing; give the upstream's URL");
        return None;
    };
    let url = upstream_url(walker.node_text(&url_place, url)?, own);
    let url = url
        .map_err(|message| walker.error(url_place, message))
        .ok()?;
    let name = match item.get(NAME.name()) {
        Some(name) => walker.node_text(&name_place, name)?.to_owned(),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    if let Err(message) = value::name(&name) {
        walker.error(name_place, message);
    }
    Some(UpstreamConfig { name, url })
}

/// Parses the URL. Errors do not repeat it, because it may contain a secret.
pub(super) fn upstream_url(text: &str, own: Option<&Url>) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is not a URL; write it like https://app.example.com/whatsapp")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(
            "is neither https nor http; write it like https://app.example.com/whatsapp".into(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "contains credentials; remove them, because the signature authenticates the delivery"
                .into(),
        );
    }
    if own == Some(&url) {
        return Err(
            "is webhook.callback_url, so the exporter would relay deliveries to itself; give the \
             application's URL"
                .into(),
        );
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::upstream_url;

    #[test]
    fn an_upstream_url_has_no_credentials_and_is_not_the_exporter() {
        let own = "https://exporter.example.com/webhook".parse().ok();
        for good in ["https://app.example.com/hook?key=1", "http://app:8080/"] {
            assert!(upstream_url(good, own.as_ref()).is_ok(), "{good}");
        }
        for bad in [
            "https://me:secret@app.example.com/",
            "ftp://app.example.com/secret",
            "app.example.com/secret",
            "https://exporter.example.com/webhook",
            "",
        ] {
            let error = upstream_url(bad, own.as_ref()).expect_err(bad);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
