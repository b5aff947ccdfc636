//! The text of each error, and that no error hides another one.

use super::*;

/// The keys of a minimal app without this key and its `_file` variant.
fn app_without(key: &str) -> String {
    let keys = [
        "access_token: a",
        "app_secret: b",
        "webhook_verify_token: c",
        "accounts: [1]",
    ];
    let kept: Vec<&str> = keys
        .into_iter()
        .filter(|pair| !pair.starts_with(key))
        .collect();
    kept.join(", ")
}

#[test]
fn an_empty_configuration_reports_four_missing_settings() {
    let errors =
        Config::load(&Flags::default(), &FixedEnvironment::default()).expect_err("nothing");
    assert_eq!(
        errors.to_string(),
        "\
WHATSAPP_ACCESS_TOKEN: is missing; set it or WHATSAPP_ACCESS_TOKEN_FILE, or declare the app in a configuration file
WHATSAPP_APP_SECRET: is missing; set it or WHATSAPP_APP_SECRET_FILE, or declare the app in a configuration file; it is not needed with webhook.enabled: false
WHATSAPP_BUSINESS_ACCOUNT_IDS: is missing; set it, or declare the app in a configuration file
WHATSAPP_WEBHOOK_VERIFY_TOKEN: is missing; set it or WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE, or declare the app in a configuration file; it is not needed with webhook.enabled: false"
    );
}

#[test]
fn an_error_about_the_only_app_suggests_its_variable() {
    let error = |key| {
        let yaml = format!("apps: [{{{}}}]", app_without(key));
        load(&yaml, FixedEnvironment::default()).expect_err(key)
    };
    assert_eq!(
        error("access_token"),
        "apps[0].access_token: is missing; set it or access_token_file, or the variable \
         WHATSAPP_ACCESS_TOKEN or WHATSAPP_ACCESS_TOKEN_FILE"
    );
    assert_eq!(
        error("accounts"),
        "apps[0].accounts: is missing; set it, or the variable WHATSAPP_BUSINESS_ACCOUNT_IDS"
    );
}

#[test]
fn an_error_about_one_of_several_apps_names_its_key() {
    let yaml = format!(
        "apps: [{{name: x, {}}}, {{{}}}]",
        app_without("app_secret"),
        app_without("accounts")
    );
    assert_eq!(
        load(&yaml, FixedEnvironment::default()).expect_err("two omissions"),
        "apps[0].app_secret: is missing; set it or app_secret_file; it is not needed with \
         webhook.enabled: false\n\
         apps[1].accounts: is missing; set it"
    );
}

#[test]
fn both_forms_of_a_secret_are_an_error() {
    let both = environment().with_variable("WHATSAPP_APP_SECRET_FILE", "/run/secret");
    assert_eq!(
        load("", both).expect_err("both"),
        "WHATSAPP_APP_SECRET: is given together with WHATSAPP_APP_SECRET_FILE; keep one of them"
    );
    assert_eq!(
        errors("apps: [{access_token: a, access_token_file: b}]"),
        "apps[0].access_token: is given together with apps[0].access_token_file; keep one of them"
    );
}

#[test]
fn empty_and_unreadable_secrets_are_errors() {
    let error = |name: &str, value: &str| {
        let environment = FixedEnvironment::default()
            .with_file("/empty", "\n")
            .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGtoken")
            .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "phrase")
            .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398")
            .with_variable(name, value);
        load("", environment).expect_err(name)
    };
    assert_eq!(
        error("WHATSAPP_APP_SECRET_FILE", "/empty"),
        "WHATSAPP_APP_SECRET_FILE: the secret in the file it names is empty; set its value"
    );
    assert_eq!(
        errors("apps: [{access_token: '', app_secret: , webhook_verify_token_file: ''}]"),
        "apps[0].access_token: is empty; set its value\n\
         apps[0].app_secret: has no value; give it one or remove the key\n\
         apps[0].webhook_verify_token_file: is empty; give it a file's path"
    );
    assert_eq!(
        errors("apps: [{access_token_file: /none}]"),
        "apps[0].access_token_file: the file it names cannot be read (no such file); check its path \
         and permissions"
    );
    let files = environment().with_file("/etc/exporter/empty", "\n");
    assert_eq!(
        load("apps: [{access_token_file: empty}]", files).expect_err("empty"),
        "apps[0].access_token_file: the secret in the file it names is empty; set its value"
    );
}

#[cfg(unix)]
#[test]
fn a_variable_must_be_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![0xff]);
    assert_eq!(
        load(
            "",
            environment().with_variable("WHATSAPP_ACCESS_TOKEN", bytes)
        )
        .expect_err("bytes"),
        "WHATSAPP_ACCESS_TOKEN: is not UTF-8 text; set it again"
    );
}

#[test]
fn ids_are_digits() {
    let environment = environment()
        .with_variable("WHATSAPP_APP_ID", "my app")
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "1, x, 22, -3");
    assert_eq!(
        load("", environment).expect_err("words"),
        "WHATSAPP_APP_ID: is not an id; ids are 1 to 32 digits\n\
         WHATSAPP_BUSINESS_ACCOUNT_IDS: entry 2 is not an id; ids are 1 to 32 digits\n\
         WHATSAPP_BUSINESS_ACCOUNT_IDS: entry 4 is not an id; ids are 1 to 32 digits"
    );
    assert_eq!(
        errors("apps: [{app_id: x, name: '', accounts: [1, 1e5, [2], ]}]"),
        "apps[0].accounts[1]: is not an id; ids are 1 to 32 digits\n\
         apps[0].accounts[2]: takes one value, not a list\n\
         apps[0].app_id: is not an id; ids are 1 to 32 digits\n\
         apps[0].name: is not a name; give 1 to 64 printable characters"
    );
}

#[test]
fn accounts_are_a_list_that_is_not_empty() {
    for accounts in ["", "5", "[]", "{}"] {
        assert_eq!(
            errors(&format!("apps: [{{accounts: {accounts}}}]")),
            "apps[0].accounts: takes a list of 1 to 20000 ids, such as [102290129340398]",
            "{accounts:?}"
        );
    }
    let none = environment().with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", " , ");
    assert_eq!(
        load("", none).expect_err("no account"),
        "WHATSAPP_BUSINESS_ACCOUNT_IDS: takes 1 to 20000 ids, separated by commas or spaces"
    );
}

#[test]
fn bad_values_say_what_to_write() {
    let yaml = "
web: {listen_address: '9000'}
webhook: {enabled: perhaps}
graph: {base_url: 'http://example.org', api_version: 25, request_timeout: 1h, max_answer_bytes: 1}
poll: {numbers_interval: 0s, account_interval: 5, calls_per_hour: 0, max_usage_ratio: 75%}
templates: {detail: some, state_sets: [full], series_limit: -1}
trackers: {business_hours: Mon 9-5, time_zone: Mars}
log: {level: inof, format: xml}
";
    assert_eq!(
        errors(yaml),
        "\
graph.api_version: \"25\" is not a version; write it like v25.0
graph.base_url: would send access tokens unencrypted; use https (http is only for a loopback host, such as a simulator's)
graph.max_answer_bytes: \"1\" is not a size from 64KiB to 256MiB; write it like 16MiB
graph.request_timeout: \"1h\" is out of range; give 1s to 5m
log.format: \"xml\" is not known; give text or json
log.level: \"inof\" is not a log level; give off, error, warn, info, debug, trace, or directives such as info,reqwest=debug
poll.account_interval: \"5\" is not a duration; write it like 30s, 5m or 1h30m
poll.calls_per_hour: \"0\" is not a number from 1 to 1000000
poll.max_usage_ratio: \"75%\" is not a number from 0.01 to 1
poll.numbers_interval: \"0s\" is out of range; give 1s to 1d
templates.detail: \"some\" is not known; give all, problems or none
templates.series_limit: \"-1\" is not a number from 1 to 1000000
templates.state_sets: takes one value, not a list
trackers.business_hours: \"Mon 9-5\" are not business hours; write them like Mon-Fri 09:00-18:00, Sat 10:00-14:00
trackers.time_zone: \"Mars\" is not a time zone; write it like Europe/Berlin
web.listen_address: \"9000\" is not an address to listen on; write it like :10131, 127.0.0.1:10131 or [::1]:10131
webhook.enabled: \"perhaps\" is not known; give true or false"
    );
}

#[test]
fn errors_about_upstreams_do_not_repeat_their_url() {
    let yaml = "
webhook: {enabled: false}
relay:
  max_age: 1y
  upstreams:
    - {name: a, url: 'https://app/secret'}
    - {name: a, url: 'https://crm/'}
    - {name: b, url: 'https://me:secret@crm/'}
    - {name: c}
    - {name: '', url: [x]}
    - {nam: d, url: 'http://x/'}
";
    assert_eq!(
        errors(yaml),
        "\
relay.max_age: \"1y\" is out of range; give 1m to 7d
relay.upstreams: has no deliveries to forward, because webhook.enabled is false; remove one of the two settings
relay.upstreams[1].name: is the same as that of relay.upstreams[0]; give each upstream its own
relay.upstreams[2].url: contains credentials; remove them, because the signature authenticates the delivery
relay.upstreams[3].url: is missing; give the upstream's URL
relay.upstreams[4].url: takes one value, not a list
relay.upstreams[5].nam: unknown key; did you mean `name`?"
    );
}

#[test]
fn every_kind_of_error_is_reported_at_once() {
    let environment = FixedEnvironment::default()
        .with_variable("WHATSAPP_APP_SECRET_FILE", "/none")
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "")
        .with_file(
            FILE,
            "pol: {}\npoll: {numbers_interval: soon}\napps: [{accounts: [x]}]\n",
        );
    let flags = flags(&[("--web.listen-address", "9000")]).with_config_file(Some(FILE.into()));
    let errors = Config::load(&flags, &environment).expect_err("six");
    let places: Vec<&str> = errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "--web.listen-address",
            "WHATSAPP_APP_SECRET_FILE",
            "apps[0].access_token",
            "apps[0].accounts[0]",
            "apps[0].webhook_verify_token",
            "pol",
            "poll.numbers_interval",
        ]
    );
    assert_eq!(errors.to_string().lines().count(), 7);
}

#[test]
fn a_flag_does_not_hide_an_error_in_the_file() {
    let environment = environment().with_file(FILE, "log: {levle: debug}");
    let flags = flags(&[("--log.level", "warn")]).with_config_file(Some(FILE.into()));
    assert_eq!(
        Config::load(&flags, &environment)
            .expect_err("a slip")
            .to_string(),
        "log.levle: unknown key; did you mean `level`?"
    );
}

#[test]
fn an_unusable_file_is_reported_together_with_errors_of_flags() {
    let flags = flags(&[("--log.format", "xml")]).with_config_file(Some(FILE.into()));
    let errors = |environment: &FixedEnvironment| {
        Config::load(&flags, environment)
            .expect_err("no file")
            .to_string()
    };
    assert_eq!(
        errors(&FixedEnvironment::default()),
        "--config.file: /etc/exporter/config.yml cannot be read (no such file)\n\
         --log.format: \"xml\" is not known; give text or json"
    );
    let large = FixedEnvironment::default().with_file(FILE, vec![b'#'; 1024 * 1024 + 1]);
    assert!(
        errors(&large)
            .starts_with("--config.file: /etc/exporter/config.yml is larger than 1048576 bytes\n")
    );
}

#[test]
fn syntax_errors_name_line_and_column() {
    assert_eq!(
        errors("web:\n  listen_address: [\n"),
        "--config.file: /etc/exporter/config.yml, line 2, column 19: unclosed bracket '['"
    );
    assert_eq!(
        errors("- web\n"),
        "--config.file: /etc/exporter/config.yml: the top level must hold keys, such as `web:` and \
         `apps:`"
    );
}

#[test]
fn apps_are_a_list_of_maps() {
    assert_eq!(
        errors("apps: {}"),
        "apps: takes a list: begin each item with `- `"
    );
    assert_eq!(
        errors("apps: [x]"),
        "apps[0]: must contain keys, such as `name:`"
    );
    let many = "{name: x, accounts: [1]}, ".repeat(101);
    assert!(
        errors(&format!("apps: [{many}]")).contains("apps: has more than 100 apps; run several")
    );
}

#[test]
fn two_listeners_cannot_share_a_port() {
    assert_eq!(
        errors("webhook: {listen_address: '127.0.0.1:10131'}"),
        "webhook.listen_address: uses the port of web.listen_address (:10131) on other interfaces, \
         so both cannot be bound; write the same address in both to share one port, or set another port"
    );
}

#[test]
fn errors_of_web_files_name_their_setting() {
    let with_files = |yaml: &str| {
        let users =
            "basic_auth_users: {a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}";
        let asking = "tls_server_config: {cert: c, key: k, client_auth_type: RequestClientCert}";
        let environment = environment()
            .with_file("/plain.yml", "rate_limit: {interval: 1s}")
            .with_file("/users.yml", users)
            .with_file("/tls.yml", "tls_server_config: {cert: c, key: k}")
            .with_file("/asking.yml", asking)
            .with_file("/bad.yml", "tls_server_config: {min_version: TLS11}")
            .with_file("/ca.pem", "an authority");
        load(yaml, environment).expect_err(yaml).to_string()
    };
    for (yaml, expected) in [
        (
            "web: {config_file: /none.yml}",
            "web.config_file: the file it names: cannot be read (no such file)",
        ),
        (
            "web: {config_file: /bad.yml}",
            "web.config_file: tls_server_config.min_version: TLS11 is not supported",
        ),
        (
            "webhook: {listen_address: ':10131', config_file: /plain.yml}",
            "webhook.config_file: requires a separate listener",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /users.yml}",
            "webhook.config_file: has basic_auth_users, but Meta cannot log in",
        ),
        (
            "webhook: {listen_address: ':9', client_ca_file: /ca.pem}",
            "webhook.client_ca_file: requires TLS in the exporter",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /asking.yml, client_ca_file: /ca.pem}",
            "webhook.client_ca_file: conflicts with client_auth_type",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /tls.yml, client_ca_file: /none.pem}",
            "webhook.client_ca_file: the file it names cannot be read",
        ),
        (
            "web: {proxy_protocol: true}",
            "web.proxy_protocol: requires web.trusted_proxies; list the proxy's address there",
        ),
        (
            "webhook: {proxy_protocol: true}",
            "webhook.proxy_protocol: requires web.trusted_proxies",
        ),
        (
            "web: {trusted_proxies: 10.0.0.0/8}",
            "web.trusted_proxies: takes a list, such as [10.0.0.0/8, 192.0.2.7]",
        ),
        (
            "web: {trusted_proxies: [10.0.0.0/8, proxy, {}]}",
            "web.trusted_proxies[1]: \"proxy\" is neither an address nor a network; write it like",
        ),
        (
            "web: {trusted_proxies: [0.0.0.0/0]}",
            "web.trusted_proxies[0]: would let every client choose its address",
        ),
        (
            "web: {max_connections_per_client: -1}",
            "web.max_connections_per_client: \"-1\" is not a number from 0 to 65536",
        ),
        (
            "web: {max_connections: 5}",
            "web.max_connections: \"5\" is not a number from 16 to 65536",
        ),
    ] {
        let message = with_files(yaml);
        assert!(message.contains(expected), "{yaml}\n{message}");
    }
}

#[test]
fn a_policy_names_known_reasons_and_effects() {
    let yaml = "gate: {policy: {stale_dta: stop, quality_red: maybe, number_unknown: ignore, account_banned: [stop]}}";
    assert_eq!(
        errors(yaml),
        "\
gate.policy.account_banned: takes one value, not a list
gate.policy.number_unknown: cannot be changed, because missing data never allows sending; remove it
gate.policy.quality_red: \"maybe\" is not known; give stop, caution or ignore
gate.policy.stale_dta: unknown reason; did you mean `stale_data`?"
    );
    for (policy, error) in [
        (
            "5",
            "gate.policy: must contain keys, such as `stale_data: stop`",
        ),
        (
            "{unrelated: stop}",
            "gate.policy: contains an unknown reason; the documentation of the send gate lists the codes",
        ),
    ] {
        assert_eq!(errors(&format!("gate: {{policy: {policy}}}")), error);
    }
    assert_eq!(
        errors("gate: {max_age: 5s}"),
        "gate.max_age: \"5s\" is out of range; give 1m to 30d"
    );
}

#[test]
fn steps_are_names_with_or_without_answers() {
    for (keys, error) in [
        (
            "steps: [{answers: [x]}]",
            "trackers.journeys[0].steps[0]: has no name; give the step a name",
        ),
        (
            "steps: [{name: date, answer: [x]}]",
            "trackers.journeys[0].steps[0]: contains an unknown key; did you mean `answers`?",
        ),
        (
            "steps: [{name: date, answers: x}]",
            "trackers.journeys[0].steps[0].answers: takes a list of ids of replies",
        ),
        (
            "steps: [{name: date, answers: []}]",
            "trackers.journeys[0].steps[0].answers: takes a list of 1 to 20 ids of replies",
        ),
        (
            "steps: [{name: date, answers: [x, x]}]",
            "trackers.journeys[0].steps[0].answers[1]: is listed twice; remove one",
        ),
        (
            "steps: [{name: date, answers: ['a*b']}]",
            "trackers.journeys[0].steps[0].answers[0]: has a * before its end; write the beginning of the ids, and one * \
             after it",
        ),
        (
            "steps: [{name: date}, date]",
            "trackers.journeys[0].steps[1]: is listed twice; remove one",
        ),
        (
            "steps: [{name: other}]",
            "trackers.journeys[0].steps[0].name: is reserved (`other` and `none` have a special meaning); choose another \
             name",
        ),
        (
            "steps: [[date]]",
            "trackers.journeys[0].steps[0]: takes one value, not a list",
        ),
        (
            "steps: [date], goals: confirm",
            "trackers.journeys[0].goals: takes a list of ids of replies",
        ),
        (
            "steps: [date], goals: [none]",
            "trackers.journeys[0].goals[0]: is reserved (`other` and `none` have a special meaning); choose another name",
        ),
    ] {
        let written = format!("trackers: {{journeys: [{{name: booking, {keys}}}]}}");
        assert_eq!(errors(&written), error);
    }
}

#[test]
fn campaigns_are_values_with_or_without_a_name() {
    let long = "x".repeat(65);
    let too_long = "x".repeat(513);
    for (item, error) in [
        (
            "''",
            "trackers.campaigns[0]: has a value that is empty or longer than 512 characters",
        ),
        (
            &*too_long,
            "trackers.campaigns[0]: has a value that is empty or longer than 512 characters",
        ),
        (
            &*long,
            "trackers.campaigns[0]: has a value that is too long for a name, or not printable; give it a name too",
        ),
        (
            "{name: x}",
            "trackers.campaigns[0]: has no value; give it the value of biz_opaque_callback_data",
        ),
        (
            "{value: x, nme: y}",
            "trackers.campaigns[0]: contains an unknown key; did you mean `name`?",
        ),
        ("[x]", "trackers.campaigns[0]: takes one value, not a list"),
        (
            "{value: x, name: ''}",
            "trackers.campaigns[0].name: is not a name; give 1 to 64 printable characters",
        ),
        (
            "x, {value: x, name: y}",
            "trackers.campaigns[1]: has a value that is listed twice; remove one",
        ),
    ] {
        assert_eq!(errors(&format!("trackers: {{campaigns: [{item}]}}")), error);
    }
    assert_eq!(
        errors("trackers: {campaigns: x}"),
        "trackers.campaigns: takes a list: begin each item with `- `"
    );
    let values: Vec<String> = (0..101).map(|value| value.to_string()).collect();
    assert_eq!(
        errors(&format!("trackers: {{campaigns: [{}]}}", values.join(", "))),
        "trackers.campaigns: has more than 100 campaigns; remove some"
    );
}
