//! Logs what a listener refuses. A refusal is attached to its response, and logged in the layer that has the
//! peer's address.

use std::sync::Arc;

use axum::response::Response;
use prometheus::IntCounter;

use super::gate::Peer;
use crate::clock;
use crate::telemetry::{Refusal, Refused, Telemetry};

/// The likely cure of each refusal, by kind and by the label value of its counter.
const CURES: &[(Refused, &str, &str)] = &[
    (
        Refused::Webhook,
        "not_a_handshake",
        "no action needed: a browser or a scanner requested this path, which serves only Meta's handshake and deliveries",
    ),
    (
        Refused::Webhook,
        "bad_verify_token",
        "enter the same verify token in the App Dashboard and in the app's webhook_verify_token",
    ),
    (
        Refused::Webhook,
        "bad_challenge",
        "the challenge does not have Meta's format: no action needed unless the App Dashboard cannot verify the callback URL",
    ),
    (
        Refused::Webhook,
        "missing_signature",
        "Meta signs every delivery: the sender is not Meta, or a proxy drops the header X-Hub-Signature-256",
    ),
    (
        Refused::Webhook,
        "malformed_signature",
        "Meta signs every delivery: the sender is not Meta, or a proxy changes the header X-Hub-Signature-256",
    ),
    (
        Refused::Webhook,
        "bad_signature",
        "set app_secret to the secret of the sending app (App Dashboard, App settings, Basic), and check that no proxy changes the body",
    ),
    (
        Refused::Webhook,
        "too_large",
        "Meta sends 3 MB at most: the sender is not Meta",
    ),
    (
        Refused::Webhook,
        "broken_off",
        "the sender closed the connection before the end of the body: check the timeouts and body limits of the reverse proxy",
    ),
    (
        Refused::Webhook,
        "too_slow",
        "the body arrived more slowly than 1 KiB/s, or other bodies needed its memory: check the network and the reverse proxy; Meta retries the delivery",
    ),
    (
        Refused::Webhook,
        "not_json",
        "the body has a valid signature but is not JSON: check what else signs with this app secret",
    ),
    (
        Refused::Webhook,
        "not_stored",
        "the store cannot commit: see the previous error in the log; Meta retries the delivery",
    ),
    (
        Refused::Webhook,
        "bad_drill",
        "run `drill` with this exporter's configuration and version, and synchronise the clocks of both machines",
    ),
    (
        Refused::Webhook,
        "bad_forget",
        "see what `forget` printed; run it with this exporter's configuration and version",
    ),
    (
        Refused::Webhook,
        "bad_relay_command",
        "see what `relay` printed; run it with this exporter's configuration and version",
    ),
    (
        Refused::Webhook,
        "wrong_port",
        "point the reverse proxy, or the callback URL, at the port of webhook.listen_address; or give webhook.listen_address the value of web.listen_address to share one port",
    ),
    (
        Refused::EventBatch,
        "wrong_port",
        "send events to the port of webhook.listen_address; or give webhook.listen_address the value of web.listen_address to share one port",
    ),
    (
        Refused::EventBatch,
        "unauthorized",
        "send the token of trackers.token_file as `Authorization: Bearer`",
    ),
    (
        Refused::EventBatch,
        "too_large",
        "send batches of at most 1 MiB",
    ),
    (
        Refused::EventBatch,
        "broken_off",
        "the sender closed the connection before the end of the body: check its timeouts",
    ),
    (
        Refused::EventBatch,
        "too_slow",
        "the body arrived more slowly than 1 KiB/s, or other bodies needed its memory: check the network, and send the batch again",
    ),
    (
        Refused::EventBatch,
        "not_a_batch",
        "send {\"events\": [...]} as /v1/openapi.json describes it",
    ),
    (
        Refused::EventBatch,
        "not_stored",
        "the store cannot commit: see the previous error in the log, and send the batch again",
    ),
    (
        Refused::EventBatch,
        "not_listed",
        "the phone numbers of an account have not been read yet: send the batch again; if this persists, see whatsapp_exporter_poll_failure of collector numbers",
    ),
    (
        Refused::Request,
        "rate_limit",
        "find the client that sends so many requests, or raise rate_limit in the listener's web config file",
    ),
    (
        Refused::Request,
        "no_certificate",
        "configure a client certificate on the client, or do not require one in the listener's web config file",
    ),
    (
        Refused::Request,
        "unauthorized",
        "send a name and password from basic_auth_users in the listener's web config file",
    ),
    (
        Refused::Request,
        "client_limit",
        "find out why the client has so many concurrent requests, or raise max_connections_per_client of the listener",
    ),
    (
        Refused::Request,
        "foreign_host",
        "add the host name of the request to web.allowed_hosts, or set web.external_url to the URL under which users reach the pages",
    ),
    (
        Refused::Request,
        "foreign_origin",
        "a page of another site made a browser send this request: find that page; behind a proxy that changes the Host header, set web.external_url",
    ),
    (
        Refused::Request,
        "lifecycle_disabled",
        "send SIGHUP instead, or set web.enable_lifecycle",
    ),
    (
        Refused::Request,
        "reload_rate",
        "find the client that sends so many reloads; SIGHUP is not limited",
    ),
    (
        Refused::Request,
        "history_busy",
        "find the client that reads so much history, and make it request a shorter time range or one account",
    ),
    (
        Refused::Request,
        "scrapes_busy",
        "find the client that requests /metrics with so many different parameters",
    ),
    (
        Refused::Connection,
        "no_room",
        "find the client that keeps so many slow or idle connections open, or raise max_connections of the listener",
    ),
    (
        Refused::Connection,
        "slow_reader",
        "the client read its response too slowly while others needed the memory: check its network, and whether it is your Prometheus",
    ),
    (
        Refused::Connection,
        "proxy_protocol",
        "let the proxy send PROXY protocol headers, version 1 or 2, or turn proxy_protocol of the listener off",
    ),
    (
        Refused::Connection,
        "client_limit",
        "find out why the client has so many connections, or raise max_connections_per_client of the listener; list a reverse proxy in web.trusted_proxies",
    ),
    (
        Refused::Connection,
        "handshake",
        "the TLS handshake with the client failed: check the URL scheme, TLS version and certificates of the client",
    ),
];

/// The likely cure. For a reason without one, refers to its metric.
pub(super) fn cure(refused: Refused, reason: &str) -> &'static str {
    let mut cures = CURES.iter();
    let found = cures.find(|(what, of, _)| *what == refused && *of == reason);
    found.map_or("see the metric that counts this reason", |(_, _, cure)| {
        cure
    })
}

/// A refusal, attached to the response until the peer is known.
#[derive(Clone, Copy, Debug)]
struct AttachedRefusal(Refused, &'static str);

/// Counts the refused requests of the operator's listener with this reason.
pub(super) fn of_operator(telemetry: &Telemetry, reason: &str) -> IntCounter {
    let refused = &telemetry.requests_refused;
    refused.with_label_values(&["web", reason])
}

/// Marks a response as a refusal.
pub(super) fn mark(mut answer: Response, refused: Refused, reason: &'static str) -> Response {
    answer
        .extensions_mut()
        .insert(AttachedRefusal(refused, reason));
    answer
}

/// Logs the refusals of one listener.
#[derive(Clone, Debug)]
pub(super) struct ListenerRefusalLog {
    /// The listener's name, a label.
    pub listener: &'static str,
    pub telemetry: Arc<Telemetry>,
}

impl ListenerRefusalLog {
    /// Logs a refusal, or counts it for the next line.
    pub fn record(&self, refused: Refused, reason: &'static str, peer: Peer) {
        let refusal = Refusal {
            refused,
            listener: self.listener,
            reason,
            cure: cure(refused, reason),
            peer: peer.address,
        };
        self.telemetry.refusals.record(refusal, clock::steady());
    }

    /// Logs a response if it is a refusal.
    pub fn record_attached(&self, response: &Response, peer: Option<Peer>) {
        if let Some(AttachedRefusal(refused, reason)) = response.extensions().get() {
            self.record(*refused, reason, peer.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::gate::Gate;
    use super::super::{events, history, metrics, public, server};
    use super::*;
    use crate::telemetry::Labelled;

    #[test]
    fn every_counted_reason_has_exactly_one_cure() {
        let telemetry = Arc::new(Telemetry::new());
        drop(Gate::open("web", Arc::clone(&telemetry)));
        let of_requests = Labelled::new(&telemetry.requests_refused);
        let of_requests = of_requests.by("reason").map(|(reason, _)| reason);
        let counted = [
            (Refused::Webhook, public::reasons().collect::<Vec<_>>()),
            (Refused::EventBatch, events::REASONS.to_vec()),
            (
                Refused::Request,
                of_requests.chain([history::BUSY, metrics::BUSY]).collect(),
            ),
            (Refused::Connection, server::REASONS.to_vec()),
        ];
        let counted = counted
            .iter()
            .flat_map(|(what, reasons)| reasons.iter().map(|reason| (*what, *reason)));
        let cured: Vec<_> = CURES
            .iter()
            .map(|(what, reason, _)| (*what, *reason))
            .collect();
        let distinct: BTreeSet<_> = cured.iter().copied().collect();
        assert_eq!(distinct, counted.collect());
        assert_eq!(distinct.len(), cured.len());
        assert!(cure(Refused::Webhook, "new").contains("metric"));
    }
}
