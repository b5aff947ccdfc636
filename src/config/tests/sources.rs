//! The sources of values, and their precedence.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::super::LogFormat;
use super::*;
use crate::domain::{StateSets, TemplateDetail};

#[test]
fn the_environment_alone_is_enough() {
    let config = Config::load(&Flags::default(), &environment()).expect("enough");
    assert_eq!(config.web.listen_address.to_string(), ":10131");
    let webhook = config.webhook.listen_address.map(|it| it.to_string());
    assert!(config.webhook.enabled && webhook.as_deref() == Some(":10133"));
    assert_eq!(
        config.graph.base_url.as_str(),
        "https://graph.facebook.com/"
    );
    assert_eq!(config.graph.api_version, "v25.0");
    assert_eq!(config.graph.request_timeout, Duration::from_secs(30));
    assert_eq!(config.graph.max_answer_bytes, 16 * 1024 * 1024);
    assert_eq!(config.poll.numbers_interval, Duration::from_secs(300));
    assert_eq!(config.poll.account_interval, Duration::from_secs(900));
    assert_eq!(config.poll.templates_interval, Duration::from_secs(900));
    assert_eq!(config.poll.access_interval, Duration::from_secs(900));
    assert_eq!(config.poll.discovery_interval, Duration::from_secs(3_600));
    assert_eq!(config.webhook.callback_url, None);
    assert_eq!(
        (config.poll.calls_per_hour, config.templates.series_limit),
        (1000, 20_000)
    );
    assert!((config.poll.max_usage_ratio - 0.75).abs() < f64::EPSILON);
    assert_eq!(config.metrics.state_sets, StateSets::Full);
    assert_eq!(config.templates.detail, TemplateDetail::Problems);
    assert_eq!(config.templates.state_sets, StateSets::Sparse);
    assert_eq!(
        (config.log.level.as_str(), config.log.format),
        ("info", LogFormat::Text)
    );
    assert!(config.log.signals);
    let [app] = config.apps.as_slice() else {
        panic!("one app")
    };
    assert_eq!((app.name.as_str(), app.accounts.len()), ("default", 1));
    assert_eq!(app.access_token.expose_secret(), "EAAGtoken");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a file with every key, and its summary"
)]
fn keys_of_every_section_are_read() {
    let yaml = "
web: {listen_address: '127.0.0.1:0', config_file: web.yml, open_probes: true, max_connections: 20, external_url: 'https://wa.example.com/x', route_prefix: /wa/, enable_lifecycle: true, allowed_hosts: [a.example.com, '*.example.org'], trusted_proxies: [10.0.0.0/8, 192.0.2.7], proxy_protocol: true, max_connections_per_client: 7}
webhook: {enabled: true, listen_address: '[::1]:9000', path: /meta, callback_url: 'https://exporter.example.com/webhook', config_file: /public.yml, client_ca_file: ca.pem, client_common_name: meta.example.com, max_connections: 30, proxy_protocol: true, max_connections_per_client: 8}
graph: {base_url: 'http://127.0.0.1:1', api_version: v26.0, request_timeout: 5s, max_answer_bytes: 1MiB}
poll: {numbers_interval: 1s, account_interval: 2m, templates_interval: 1h, access_interval: 30m, discovery_interval: 2h, startup_spread: 40s, drift_grace: 10m, calls_per_hour: 200, max_usage_ratio: 0.5}
store: {url: 'sqlite:state.db', password_file: password, schema: exporter, max_connections: 8, history_retention: 30d}
metrics: {state_sets: sparse, created_timestamps: true}
templates: {detail: all, state_sets: full, series_limit: 10}
trackers: {enabled: false, key_file: customers.key, token: events-token, journeys: [{name: booking, version: 2, steps: [{name: date, answers: [date_*, later]}, time], goals: [confirm], variants: [A, B], idle_timeout: 1h, loop_threshold: 4}], experiments: [{name: wording, journey: booking, version: 2, variants: [A, B], metric: step_answered, step: time, smallest_effect: 2.5%, significance: 0.01, power: 90%, expected_rate: 12.5%, split: [60%, 40%]}], business_hours: 'Mon 09:00-18:00', time_zone: Asia/Tokyo, campaigns: [spring, {value: secret-value, name: summer}]}
gate: {max_age: 10m, policy: {stale_data: stop, quality_yellow: ignore}, token: gate-token}
relay: {upstreams: [{name: app, url: 'https://app.example.com/secret'}, {url: 'http://crm:8080'}], max_age: 2h, max_bytes: 1GiB, request_timeout: 3s, max_in_flight: 7}
notify: {webhooks: [{name: chat, url: 'https://hooks.example.com/secret', format: slack, secret: s, severity: warning, kinds: [template], waba_ids: ['1'], digest: 1m}], max_age: 3d, request_timeout: 4s, runbooks_url: 'https://wiki.example.com/'}
otlp: {endpoint: 'http://collector:4318', headers_file: otlp-headers, interval: 30s, request_timeout: 2s}
log: {level: 'info,reqwest=debug', format: json, signals: false}
apps:
  - {name: one, app_id: '1', app_secret: a, app_secret_previous: older, access_token: b, webhook_verify_token: 0123, accounts: [2, '3'], discover_by_token: true, businesses: [4, 5], include: '^2', exclude: Test}
";
    let files = FixedEnvironment::default()
        .with_file("/etc/exporter/web.yml", "rate_limit: {interval: 1s}")
        .with_file("/public.yml", "tls_server_config: {cert: c, key: k}")
        .with_file("/etc/exporter/otlp-headers", "Authorization: Bearer secret")
        .with_file("/etc/exporter/password", "a password")
        .with_file("/etc/exporter/ca.pem", "an authority");
    let config = good(yaml, files);
    let expected = "\
web.listen_address: 127.0.0.1:0
web.config_file: /etc/exporter/web.yml
web.open_probes: true
web.max_connections: 20
web.trusted_proxies: 10.0.0.0/8, 192.0.2.7/32
web.proxy_protocol: true
web.max_connections_per_client: 7
web.external_url: https://wa.example.com/x/
web.route_prefix: /wa
web.enable_lifecycle: true
web.allowed_hosts: a.example.com, *.example.org
webhook.enabled: true
webhook.listen_address: [::1]:9000
webhook.path: /meta
webhook.callback_url: https://exporter.example.com/webhook
webhook.config_file: /public.yml
webhook.client_ca_file: set
webhook.client_common_name: meta.example.com
webhook.max_connections: 30
webhook.proxy_protocol: true
webhook.max_connections_per_client: 8
graph.base_url: http://127.0.0.1:1/
graph.api_version: v26.0
graph.request_timeout: 5s
graph.max_answer_bytes: 1MiB
poll.numbers_interval: 1s
poll.account_interval: 2m
poll.templates_interval: 1h
poll.access_interval: 30m
poll.discovery_interval: 2h
poll.startup_spread: 40s
poll.drift_grace: 10m
poll.calls_per_hour: 200
poll.max_usage_ratio: 0.5
store.url: sqlite:state.db
store.password_file: set
store.schema: exporter
store.max_connections: 8
store.history_retention: 30d
metrics.state_sets: sparse
metrics.created_timestamps: true
templates.detail: all
templates.state_sets: full
templates.series_limit: 10
trackers.enabled: false
trackers.business_hours: Mon 09:00-18:00
trackers.time_zone: Asia/Tokyo
trackers.key_file: set
trackers.token: set
trackers.campaigns: spring, summer
trackers.journeys[0].name: booking
trackers.journeys[0].version: 2
trackers.journeys[0].steps: date (date_*, later), time
trackers.journeys[0].goals: confirm
trackers.journeys[0].variants: A, B
trackers.journeys[0].idle_timeout: 1h
trackers.journeys[0].loop_threshold: 4
trackers.experiments[0].name: wording
trackers.experiments[0].journey: booking
trackers.experiments[0].version: 2
trackers.experiments[0].variants: A, B
trackers.experiments[0].versions: not set
trackers.experiments[0].metric: step_answered
trackers.experiments[0].step: time
trackers.experiments[0].within: not set
trackers.experiments[0].smallest_effect: 2.5%
trackers.experiments[0].significance: 1%
trackers.experiments[0].power: 90%
trackers.experiments[0].expected_rate: 12.5%
trackers.experiments[0].split: 60%, 40%
gate.max_age: 10m
gate.policy: stale_data=stop, quality_yellow=ignore
gate.token: set
relay.max_age: 2h
relay.max_bytes: 1GiB
relay.request_timeout: 3s
relay.max_in_flight: 7
relay.upstreams[0].name: app
relay.upstreams[0].url: https://app.example.com/…
relay.upstreams[1].name: crm
relay.upstreams[1].url: http://crm:8080/…
notify.max_age: 3d
notify.request_timeout: 4s
notify.runbooks_url: https://wiki.example.com/
notify.webhooks[0].name: chat
notify.webhooks[0].url: https://hooks.example.com/…
notify.webhooks[0].format: slack
notify.webhooks[0].secret: set
notify.webhooks[0].severity: warning
notify.webhooks[0].kinds: template
notify.webhooks[0].waba_ids: 1
notify.webhooks[0].digest: 1m
otlp.endpoint: http://collector:4318/
otlp.headers_file: set
otlp.interval: 30s
otlp.request_timeout: 2s
log.level: info,reqwest=debug
log.format: json
log.signals: false
apps[0].name: one
apps[0].app_id: 1
apps[0].access_token: set
apps[0].app_secret: set
apps[0].app_secret_previous: set
apps[0].webhook_verify_token: set
apps[0].accounts: 2, 3
apps[0].discover_by_token: true
apps[0].businesses: 4, 5
apps[0].include: set
apps[0].exclude: set";
    // A setting that is missing from the file has a line too.
    let summary = config.summary().to_string();
    let given = |line: &&str| expected.lines().any(|one| one == *line);
    let lines: Vec<&str> = summary.lines().filter(given).collect();
    assert_eq!(lines.join("\n"), expected, "{summary}");
    let verify_token = config.apps[0].webhook_verify_token.as_ref().expect("set");
    assert_eq!(verify_token.expose_secret(), "0123");
}

#[test]
fn an_empty_file_and_empty_sections_change_nothing() {
    let defaults = Config::load(&Flags::default(), &environment()).expect("enough");
    for yaml in ["", "# nothing\n", "web:\napps:\npoll: {}\n", "apps: []\n"] {
        assert_eq!(
            good(yaml, environment()).summary().to_string(),
            defaults.summary().to_string(),
            "{yaml:?}"
        );
    }
}

#[test]
fn the_same_address_twice_is_one_listener() {
    let config = good("webhook: {listen_address: ':10131'}", environment());
    assert!(config.webhook.listen_address.is_none());
    let free = "{listen_address: '127.0.0.1:0'}";
    let config = good(&format!("web: {free}\nwebhook: {free}"), environment());
    assert!(config.webhook.listen_address.is_none(), "of any port too");
    let config = good("web: {listen_address: ':10133'}", environment());
    assert!(config.webhook.listen_address.is_none(), "written or not");
    let config = good(&format!("web: {free}"), environment());
    assert!(config.webhook.listen_address.is_some());
}

#[test]
fn a_reload_reads_the_file_again() {
    let flags = Flags::default().with_config_file(Some(FILE.into()));
    let level = |yaml: &str| {
        let environment = environment().with_file(FILE, yaml);
        Config::load(&flags, &environment).map(|config| config.log.level)
    };
    assert_eq!(level("log: {level: warn}").as_deref(), Ok("warn"));
    assert_eq!(level("log: {level: error}").as_deref(), Ok("error"));
    assert!(level("log: {level: inof}").is_err());
}

#[test]
fn keys_of_the_listeners_that_need_a_restart_are_named() {
    let before = good("", environment());
    assert!(before.listener_changes(&before).is_empty());
    let proxies = "trusted_proxies: [10.0.0.7], proxy_protocol: true";
    for (yaml, keys) in [
        ("log: {signals: false}", ""),
        (
            "web: {max_connections_per_client: 7}",
            "web.max_connections_per_client",
        ),
        (
            &format!("web: {{{proxies}}}"),
            "web.trusted_proxies web.proxy_protocol",
        ),
        (
            "webhook: {listen_address: ':9', max_connections_per_client: 7}",
            "webhook.listen_address webhook.max_connections_per_client",
        ),
    ] {
        let changed = good(yaml, environment()).listener_changes(&before);
        assert_eq!(changed.join(" "), keys, "{yaml}");
    }
}

#[test]
fn a_variable_may_name_the_file() {
    let variable = "WHATSAPP_EXPORTER_CONFIG_FILE";
    let environment = environment()
        .with_file("/one.yml", "log: {level: warn}")
        .with_file("/other.yml", "log: {level: error}")
        .with_variable(variable, "/one.yml");
    let config = Config::load(&Flags::default(), &environment).expect("good");
    assert_eq!(config.log.level, "warn");
    assert_eq!(config.file.as_deref(), Some("/one.yml".as_ref()));
    let flags = Flags::default().with_config_file(Some("/other.yml".into()));
    let config = Config::load(&flags, &environment).expect("good");
    assert_eq!(config.log.level, "error");
    let environment = environment.with_variable(variable, "/none.yml");
    let errors = Config::load(&Flags::default(), &environment).expect_err("no file");
    assert_eq!(
        errors.to_string(),
        format!("{variable}: the file it names cannot be read (no such file)")
    );
}

#[test]
fn unknown_variables_are_warnings() {
    let environment = environment()
        .with_variable("WHATSAPP_EXPORTER_POLL_NUMBER_INTERVAL", "1m")
        .with_variable("WHATSAPP_APP_SECRET_FILES", "/secret")
        .with_variable("WHATSAPP_EXPORTER_PORT_10131_TCP_ADDR", "10.0.0.1")
        .with_variable("WHATSAPP_EXPORTER_LOG_LEVEL", "debug")
        .with_variable("WHATSAPP_EVENTS_TOKEN", "events-token")
        .with_variable("RUST_LOG", "trace");
    let config = good("", environment);
    let unknown = config.warnings.iter().map(ToString::to_string);
    let unknown: Vec<String> = unknown
        .filter(|text| text.contains("unknown variable"))
        .collect();
    assert_eq!(
        unknown,
        [
            "WHATSAPP_APP_SECRET_FILES: unknown variable, which has no effect; did you mean \
             WHATSAPP_APP_SECRET_FILE? Otherwise unset it",
            "WHATSAPP_EXPORTER_POLL_NUMBER_INTERVAL: unknown variable, which has no effect; did you mean \
             WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL? Otherwise unset it",
        ]
    );
}

#[test]
fn the_variables_of_a_token_win_over_both_keys_of_the_file() {
    let token = |text: &str, variable: &str, value: &str| {
        let environment = environment()
            .with_file("/token", "of-the-variable")
            .with_file("/etc/exporter/token", "of-the-file")
            .with_variable(variable, value);
        let config = good(text, environment);
        let token = config.gate.token.or(config.trackers.token).expect("given");
        token.expose_secret().to_owned()
    };
    for (section, variable) in [
        ("gate", "WHATSAPP_GATE_TOKEN"),
        ("trackers", "WHATSAPP_EVENTS_TOKEN"),
    ] {
        for key in ["token: of-the-file", "token_file: token"] {
            let text = format!("{section}: {{{key}}}");
            let file = format!("{variable}_FILE");
            assert_eq!(token(&text, variable, "of-the-variable"), "of-the-variable");
            assert_eq!(token(&text, &file, "/token"), "of-the-variable", "{text}");
            assert_eq!(token(&text, variable, " "), "of-the-file", "{text}");
        }
    }
}
