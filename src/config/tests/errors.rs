//! The text of errors about apps, secrets and values, and that no error hides another one.

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
trackers.business_hours: \"Mon 9-5\" is not a list of business hours; write it like Mon-Fri 09:00-18:00, Sat 10:00-14:00
trackers.time_zone: \"Mars\" is not a time zone; write it like Europe/Berlin
web.listen_address: \"9000\" is not an address to listen on; write it like :10131, 127.0.0.1:10131 or [::1]:10131
webhook.enabled: \"perhaps\" is not known; give true or false"
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
