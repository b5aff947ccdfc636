//! The exporter's own counters, gauges and histograms, in a separate registry.
//!
//! Every label here is bounded: by an enum, by the configured accounts, or by field names in this code.

mod maker;
mod updates;

use std::sync::atomic::AtomicBool;

use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Registry,
};

pub use self::maker::Declared;
use self::maker::Maker;
use super::polls::PollOutcomes;
use super::{QuotaFigures, RefusalLog};
use crate::domain::send_gate::SendVerdict;
use crate::domain::{Collector, WebhookField, Word};

/// Buckets for a request to a web API, in seconds.
const REQUEST_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Buckets for webhook lag, in seconds: Meta's median is 250 ms, and retries last for days.
const LAG_BUCKETS: &[f64] = &[
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, 604_800.0,
];

/// Buckets for a commit, in seconds: a solid-state disk needs a millisecond or two, and a locked file fails after two
/// seconds.
const COMMIT_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Buckets for a takeover, in seconds: some milliseconds after a release, and some seconds after a crash.
const TAKEOVER_BUCKETS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0,
];

/// The exporter's own metrics. Cheap to share behind an `Arc`; every field may be used from any task.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    declared: Vec<Declared>,
    /// Rate-limited log of refusals.
    pub refusals: RefusalLog,
    /// Whether to log changes that Meta reports.
    pub logs_signals: AtomicBool,
    /// Outcome of the last poll of each account and collector.
    pub polls: PollOutcomes,
    /// Seconds from a poll's start to its end, all pages included.
    pub poll_duration: HistogramVec,
    /// Polls deferred because a budget was short.
    pub polls_deferred: IntCounterVec,
    /// 1 if the last discovery of an app's accounts was complete.
    pub discovery_up: IntGaugeVec,
    /// Start time of an app's last complete discovery.
    pub discovery_last_success: GaugeVec,
    /// Requests sent to the Graph API.
    pub graph_requests: IntCounterVec,
    /// Requests that failed, by kind.
    pub graph_request_failures: IntCounterVec,
    /// Used share of Meta's quota; at 1 calls are throttled.
    pub graph_usage_ratio: GaugeVec,
    /// Time at which calls are possible again. Absent while they are possible.
    pub graph_regain_access: GaugeVec,
    /// Planned calls per hour of an account's polls.
    pub graph_planned_calls: IntGaugeVec,
    /// The used and the planned quota of each account, for pages.
    pub quotas: QuotaFigures,
    /// Fields dropped from requests because Meta rejected them.
    pub graph_fields_dropped: IntCounterVec,
    /// Fields currently omitted from requests.
    pub graph_field_dropped: IntGaugeVec,
    /// The requested API version and that of responses.
    pub graph_api_version: IntGaugeVec,
    /// When Meta stops serving the requested version.
    pub graph_version_end: GaugeVec,
    /// Signed deliveries accepted.
    pub webhook_deliveries: IntCounter,
    /// Deliveries refused.
    pub webhook_rejected: IntCounterVec,
    /// Changes in accepted deliveries, repeats included.
    pub webhook_changes: IntCounterVec,
    /// Changes that were received before.
    pub webhook_duplicates: IntCounter,
    /// Changes older than the known state.
    pub webhook_stale: IntCounter,
    /// Changes for accounts that are not configured.
    pub webhook_unwatched: IntCounter,
    /// Changes about an account that the signing app does not watch.
    pub webhook_wrong_app: IntCounterVec,
    /// Deliveries signed with an app's previous secret.
    pub webhook_previous_secret: IntCounterVec,
    /// Changes about a number that no poll has shown yet, refused because too many were waiting.
    pub webhook_refused: IntCounter,
    /// Received minus `entry[].time`, in seconds.
    pub webhook_lag: Histogram,
    /// Time of an account's last delivery.
    pub webhook_last_received: GaugeVec,
    /// Deliveries that an upstream has accepted.
    pub relay_deliveries: IntCounterVec,
    /// Failed attempts, by upstream and reason.
    pub relay_failures: IntCounterVec,
    /// Deliveries dropped before an upstream accepted them.
    pub relay_dropped: IntCounterVec,
    /// Deliveries that wait for an upstream.
    pub relay_pending: IntGaugeVec,
    /// Receipt time of the oldest waiting delivery. Absent while none is waiting.
    pub relay_oldest_pending: GaugeVec,
    /// Seconds by which the machine's clock is ahead of Meta's.
    clock_skew: GaugeVec,
    /// Seconds from a delivery's receipt until an upstream has accepted it.
    pub relay_lag: HistogramVec,
    /// Notifications that a receiver accepted.
    pub notify_sent: IntCounterVec,
    /// Failed attempts to post a notification, by reason.
    pub notify_failures: IntCounterVec,
    /// Changes that were dropped for a receiver, by reason.
    pub notify_dropped: IntCounterVec,
    /// Changes that a receiver has not accepted yet.
    pub notify_pending: IntGaugeVec,
    /// Commit time of the oldest change that is due.
    pub notify_oldest_pending: GaugeVec,
    /// Failed pushes of the page, by reason.
    pub otlp_failures: IntCounterVec,
    /// Data points that the receiver did not take from a request that it accepted.
    pub otlp_rejected: IntCounterVec,
    /// Time of the last push that was accepted completely.
    pub otlp_last_success: GaugeVec,
    /// Receipt time of the oldest waiting delivery with customers' messages.
    pub relay_oldest_message: GaugeVec,
    /// Deliveries in flight, by upstream.
    pub relay_in_flight: IntGaugeVec,
    /// 0 while an upstream counts as down.
    pub relay_upstream_up: IntGaugeVec,
    /// Parked deliveries, by upstream.
    pub relay_parked: IntGaugeVec,
    /// Deliveries that have been parked, by upstream and reason.
    pub relay_parked_total: IntCounterVec,
    /// Events of applications, by result.
    pub events: IntCounterVec,
    /// Batches of events refused as a whole.
    pub event_batches_refused: IntCounterVec,
    /// Decisions of the send gate, by verdict.
    pub gate_decisions: IntCounterVec,
    /// Changes that only one of the two sources reported.
    pub drift: IntCounterVec,
    /// Words that this version does not know.
    pub unknown_values: IntCounterVec,
    /// Values of an unexpected shape.
    pub malformed_values: IntCounterVec,
    /// Objects that a series ceiling kept out of a scrape.
    pub series_refused: IntCounterVec,
    /// Objects that a ceiling kept out of the state.
    pub objects_refused: IntCounterVec,
    /// 1 while the store accepts commits.
    pub store_up: IntGauge,
    /// Connected replicas.
    pub replicas: IntGauge,
    /// Shards by ownership.
    pub shards: IntGaugeVec,
    /// Acquired shards by reason.
    pub shard_takeovers: IntCounterVec,
    /// Time until an acquired shard is exported.
    pub shard_takeover_duration: Histogram,
    /// Rows in the inbox.
    pub inbox_pending: IntGauge,
    /// Receipt of the oldest row in the inbox.
    pub inbox_oldest: GaugeVec,
    /// Connections for reading, by state.
    pub store_connections: IntGaugeVec,
    /// Duration of commits in seconds.
    pub store_commit_duration: Histogram,
    /// Commits that failed, by reason.
    pub store_commit_failures: IntCounterVec,
    /// Open conversations dropped at the start because the customer key had changed.
    pub conversations_dropped: IntGauge,
    /// Open connections.
    pub connections: IntGaugeVec,
    /// Connections that the exporter closed early, by reason.
    pub connections_closed: IntCounterVec,
    /// Requests refused before routing, by reason.
    pub requests_refused: IntCounterVec,
    /// Expiry time of a listener's own certificate. Absent without TLS.
    pub certificate_expires: GaugeVec,
    /// The hash of the settings that all replicas share.
    config_hash: IntGaugeVec,
    /// 1 if the last reload of the configuration succeeded.
    pub config_last_reload_successful: IntGauge,
    /// Time at which the configuration was last loaded successfully.
    pub config_last_reload_success: Gauge,
}

impl Telemetry {
    /// All metrics with their initial values. Long, because each metric is one line with its name, its help and its
    /// labels.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "the table of metrics")]
    pub fn new() -> Self {
        let new = Maker::default();
        new.process();
        let telemetry = Self {
            polls: new.register(PollOutcomes::new(
                (Maker::opts("poll_up", "Whether the last poll of this account and collector succeeded: 1 if it did; 0 if it failed, or if the next poll has not started for three of its intervals. Absent before the first poll."), &["app", "waba_id", "collector"]),
                (Maker::opts("poll_failure", "Reason why the last poll of this account and collector failed, or why the next one is late: rate_limit, budget_spent, not_listed, or queued behind other polls. Always 1; absent after a successful poll."), &["app", "waba_id", "collector", "reason"]),
            )),
            poll_duration: new.histograms("poll_duration_seconds", "Duration of a poll in seconds, including all pages.", &["collector"], REQUEST_BUCKETS),
            polls_deferred: new.counters("polls_deferred_total", "Number of polls deferred because the API budget was short.", &["collector"]),
            discovery_up: new.gauges("discovery_up", "Whether the last discovery of the app's accounts was complete: 1 if it was, 0 if not. Absent for apps without discovery.", &["app"]),
            discovery_last_success: new.float_gauges("discovery_last_success_timestamp_seconds", "Start time of the app's last complete discovery. Absent before the first.", &["app"]),
            graph_requests: new.counters("graph_requests_total", "Number of requests sent to the Graph API.", &["endpoint"]),
            graph_request_failures: new.counters("graph_request_failures_total", "Number of failed requests to the Graph API, by kind of failure.", &["endpoint", "reason"]),
            graph_usage_ratio: new.float_gauges("graph_usage_ratio", "Used share of Meta's API quota, from Meta's usage headers; Meta refuses calls at 1. Absent until Meta reports usage.", &["waba_id", "kind"]),
            graph_regain_access: new.float_gauges("graph_regain_access_timestamp_seconds", "Time at which Meta expects to accept calls again. Absent while it accepts calls.", &["waba_id"]),
            graph_planned_calls: new.gauges("graph_planned_calls_per_hour", "Calls per hour that polling this account requires at the configured intervals, given its phone numbers and templates.", &["waba_id"]),
            quotas: QuotaFigures::default(),
            graph_fields_dropped: new.counters("graph_fields_dropped_total", "Number of fields omitted from requests for a day because Meta rejected them, counted once per affected account.", &["endpoint"]),
            graph_field_dropped: new.gauges("graph_field_dropped", "Number of apps whose requests omit a field because Meta rejected it. Absent while the field is requested. waba_id is empty if the field is omitted for all accounts.", &["endpoint", "field", "waba_id"]),
            graph_api_version: new.gauges("graph_api_version_info", "Graph API version requested, and the version of the last response. Always 1.", &["asked", "answered"]),
            graph_version_end: new.float_gauges("graph_version_end_timestamp_seconds", "Time at which Meta stops serving the requested Graph API version. Absent if Meta has not announced it, or if this release of the exporter does not know the version.", &["version"]),
            webhook_deliveries: new.counter("webhook_deliveries_total", "Number of webhook deliveries with a valid signature."),
            webhook_rejected: new.counters("webhook_rejected_total", "Number of refused webhook deliveries, by reason.", &["reason"]),
            webhook_changes: new.counters("webhook_changes_total", "Number of changes in accepted webhook deliveries by field, including retries.", &["field"]),
            webhook_duplicates: new.counter("webhook_duplicates_total", "Number of webhook changes that had been delivered before."),
            webhook_stale: new.counter("webhook_stale_total", "Number of webhook changes older than the known state."),
            webhook_unwatched: new.counter("webhook_unwatched_total", "Number of webhook changes about accounts that are not watched."),
            webhook_wrong_app: new.counters("webhook_wrong_app_total", "Number of webhook changes ignored because the app that signed them does not watch the account, by signing app.", &["app"]),
            webhook_previous_secret: new.counters("webhook_previous_secret_total", "Number of webhook deliveries signed with the app's previous secret. Absent for apps without app_secret_previous.", &["app"]),
            webhook_refused: new.counter("webhook_refused_total", "Number of webhook changes dropped because too many were on hold for unknown phone numbers, the account had too many objects, or no phone number matched their digits for a week."),
            webhook_lag: new.histogram("webhook_lag_seconds", "Time from an event to the receipt of its webhook, in seconds: time of receipt minus entry[].time.", LAG_BUCKETS),
            webhook_last_received: new.float_gauges("webhook_last_received_timestamp_seconds", "Time of receipt of the last webhook of this account. Absent before the first.", &["waba_id"]),
            relay_deliveries: new.counters("relay_deliveries_total", "Number of webhook deliveries accepted by an upstream.", &["upstream"]),
            relay_failures: new.counters("relay_failures_total", "Number of failed attempts to relay a webhook delivery, by reason. Each delivery is retried.", &["upstream", "reason"]),
            relay_dropped: new.counters("relay_dropped_total", "Number of webhook deliveries dropped before an upstream accepted them, by reason: too old (age), queue over its size limit (size), or the relay drop command (operator).", &["upstream", "reason"]),
            relay_pending: new.gauges("relay_pending_deliveries", "Number of webhook deliveries queued for an upstream. Excludes parked deliveries.", &["upstream"]),
            relay_oldest_pending: new.float_gauges("relay_oldest_pending_timestamp_seconds", "Time of receipt of the oldest delivery queued for an upstream. Absent while none is queued.", &["upstream"]),
            clock_skew: new.float_gauges("clock_skew_seconds", "Host clock minus Meta's clock in seconds, estimated from Graph API responses. 0 for differences below their resolution of about a second. Absent while Meta's time is unknown.", &[]),
            relay_oldest_message: new.float_gauges("relay_oldest_message_timestamp_seconds", "Time of receipt of the oldest queued delivery that contains customer messages or message statuses. Absent while none is queued.", &["upstream"]),
            relay_in_flight: new.gauges("relay_in_flight_deliveries", "Number of webhook deliveries in flight to an upstream.", &["upstream"]),
            relay_upstream_up: new.gauges("relay_upstream_up", "Whether an upstream accepts deliveries: 1 if it does, 0 after several deliveries failed without a success between them.", &["upstream"]),
            relay_parked: new.gauges("relay_parked_deliveries", "Number of webhook deliveries parked because an upstream refused them repeatedly. They are kept until relay.max_age for the relay retry command.", &["upstream"]),
            relay_parked_total: new.counters("relay_parked_total", "Total number of webhook deliveries parked because an upstream refused them repeatedly, by the reason of the last failure.", &["upstream", "reason"]),
            relay_lag: new.histograms("relay_lag_seconds", "Time from the receipt of a webhook delivery to its acceptance by an upstream, in seconds.", &["upstream"], LAG_BUCKETS),
            notify_sent: new.counters("notify_sent_total", "Number of notifications accepted by a receiver. A digest counts as one.", &["receiver"]),
            notify_failures: new.counters("notify_failures_total", "Number of failed attempts to post a notification, by reason. Each notification is retried.", &["receiver", "reason"]),
            notify_dropped: new.counters("notify_dropped_total", "Number of changes dropped before a receiver accepted them, by reason: too old (age), too many waiting (size), or refused repeatedly with 400, 413, 415 or 422 (refused).", &["receiver", "reason"]),
            notify_pending: new.gauges("notify_pending", "Number of changes that a receiver has not accepted yet, including those that its filter omits.", &["receiver"]),
            notify_oldest_pending: new.float_gauges("notify_oldest_pending_timestamp_seconds", "Commit time of the oldest change that is due and that a receiver has not accepted. Absent while none is due.", &["receiver"]),
            otlp_failures: new.counters("otlp_push_failures_total", "Number of failed pushes by OTLP, by reason; page if the metrics could not be rendered. The next push has newer values. Absent without otlp.endpoint.", &["reason"]),
            otlp_rejected: new.counters("otlp_points_rejected_total", "Number of data points that the OTLP receiver rejected from requests that it accepted. Absent without otlp.endpoint.", &[]),
            otlp_last_success: new.float_gauges("otlp_last_success_timestamp_seconds", "Time of the last push that the OTLP receiver accepted. Absent before the first one.", &[]),
            events: new.counters("events_total", "Number of events sent by applications to the event API, by result.", &["result"]),
            event_batches_refused: new.counters("event_batches_refused_total", "Number of event batches refused as a whole, by reason.", &["reason"]),
            gate_decisions: new.counters("gate_decisions_total", "Number of decisions of the send gate, by verdict: go, caution, stop, or unknown if data is missing.", &["verdict"]),
            drift: new.counters("drift_total", "Number of changes seen by only one source: 'poll' found a change that no webhook reported within poll.drift_grace, 'webhook' reported a change that polls did not confirm within that time.", &["attribute", "source"]),
            unknown_values: new.counters("unknown_values_total", "Number of values from Meta that this version does not know, exported as OTHER, by field.", &["field"]),
            malformed_values: new.counters("malformed_values_total", "Number of values from Meta skipped because of an unexpected type, by field. A field ending in .json counts unreadable JSON values that were replaced.", &["field"]),
            series_refused: new.counters("series_refused_total", "Number of objects omitted from scrapes because their account reached its series limit, counted at each scrape.", &["kind"]),
            objects_refused: new.counters("objects_refused_total", "Number of objects ignored because the account reached its object limit, counted each time one is reported, by kind: phone_number, template, digits of a phone number in webhooks (spelling), error or remark in health_status (health_detail), customer in the count of a portfolio's recipients (recipient), or daily figures (insights).", &["waba_id", "kind"]),
            store_up: new.gauge("store_up", "Whether the store accepts commits: 1 if it does; 0 while it cannot be opened, and after a failed commit until one succeeds."),
            replicas: new.gauge("replicas", "Number of replicas that are connected to the store. 0 if the store is of one process."),
            shards: new.gauges("shards", "Number of shards of the accounts, as this replica sees them: those that it owns (owned), and those that no replica owns (unowned). Absent if the store is of one process.", &["state"]),
            shard_takeovers: new.counters("shard_takeovers_total", "Number of shards that this replica has acquired, by reason: never owned before (first), released by its owner (released), session of its owner ended (lost), or session of its owner ended by this replica, because it made no progress (terminated).", &["reason"]),
            shard_takeover_duration: new.histogram("shard_takeover_duration_seconds", "Time in seconds from the acquisition of a shard until this replica exports its accounts.", TAKEOVER_BUCKETS),
            inbox_pending: new.gauge("inbox_pending", "Number of rows in the inbox that wait for this replica: deliveries that other replicas have received for its accounts. More than 10,000 are not counted."),
            inbox_oldest: new.float_gauges("inbox_oldest_timestamp_seconds", "Time at which the oldest row in the inbox was received. Absent if none waits for this replica.", &[]),
            store_connections: new.gauges("store_connections", "Number of open connections to PostgreSQL for reading, by state: busy or idle. Absent if the store is of one process.", &["state"]),
            store_commit_duration: new.histogram("store_commit_duration_seconds", "Duration of a commit to the store in seconds, until it is durable. Deliveries that arrive together share a commit.", COMMIT_BUCKETS),
            store_commit_failures: new.counters("store_commit_failures_total", "Number of failed attempts to open the store or to commit to it, by reason.", &["reason"]),
            conversations_dropped: new.gauge("customer_key_dropped_conversations", "Number of open conversations dropped at the last start because the key that hashes customers had changed. 0 if the key is the same."),
            connections: new.gauges("connections", "Number of open connections by listener: web is the operator listener, webhook the public listener.", &["listener"]),
            connections_closed: new.counters("connections_closed_total", "Number of connections closed by the exporter, by reason: slowest connection at the connection limit (no_room), slow reader at the memory limit (slow_reader), failed TLS handshake (handshake), missing PROXY protocol header (proxy_protocol), or client over its connection limit (client_limit).", &["listener", "reason"]),
            requests_refused: new.counters("requests_refused_total", "Number of refused requests by reason: too many requests (rate_limit), no client certificate (no_certificate), wrong or missing password or token (unauthorized), host name not allowed (foreign_host), request from another site (foreign_origin), lifecycle requests not enabled (lifecycle_disabled) or too frequent (reload_rate), client over its limit (client_limit), history queries that would take too long (history_busy), or too many scrapes with different parameters at once (scrapes_busy).", &["listener", "reason"]),
            certificate_expires: new.float_gauges("certificate_expires_timestamp_seconds", "Expiry time of the listener's TLS certificate. Absent if the listener does not terminate TLS.", &["listener"]),
            config_hash: new.gauges("config_hash_info", "Hash of the settings that all replicas on one store must have in common. Always 1. Listeners, logs and the paths of files are not part of it.", &["hash"]),
            config_last_reload_successful: new.gauge("config_last_reload_successful", "Whether the last load of the configuration succeeded: 1 if it did, 0 if the exporter still uses the previous configuration."),
            config_last_reload_success: new.float_gauge("config_last_reload_success_timestamp_seconds", "Time at which the current configuration was loaded."),
            refusals: RefusalLog::default(),
            logs_signals: AtomicBool::new(true),
            registry: new.registry,
            declared: new.declared.into_inner(),
        };
        telemetry.start_at_zero();
        telemetry
    }

    /// The current values, as families of the `prometheus` package.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// Every metric here, whether or not it has a value yet.
    #[must_use]
    pub fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// Initializes counters with known labels to 0, so that `increase()` sees the first increment.
    fn start_at_zero(&self) {
        for collector in named(Collector::ALL) {
            self.polls_deferred.with_label_values(&[collector]);
            self.poll_duration.with_label_values(&[collector]);
        }
        self.series_refused.with_label_values(&["template"]);
        for verdict in SendVerdict::ALL {
            self.gate_decisions.with_label_values(&[verdict.as_str()]);
        }
        for field in WebhookField::ALL {
            self.webhook_changes.with_label_values(&[field.as_str()]);
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

fn named(collectors: &'static [Collector]) -> impl Iterator<Item = &'static str> {
    collectors
        .iter()
        .filter(|collector| !collector.is_other())
        .map(|collector| collector.as_str())
}
