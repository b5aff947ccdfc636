//! Apps from the environment, from the file, and from both.

use secrecy::ExposeSecret;

use super::*;
use crate::domain::WabaId;

const TWO_APPS: &str = "
apps:
  - {name: one, app_secret: a, access_token: b, webhook_verify_token: c, accounts: [1]}
  - {app_id: 7, app_secret: d, access_token: e, webhook_verify_token: f, accounts: [2, 3]}
";

#[test]
fn each_secret_may_be_a_file() {
    let environment = FixedEnvironment::default()
        .with_variable("WHATSAPP_ACCESS_TOKEN_FILE", "/run/secrets/token")
        .with_variable("WHATSAPP_APP_SECRET_FILE", "/run/secrets/secret")
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE", "/run/secrets/phrase")
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", " 1,2 3,\n4 ")
        .with_file("/run/secrets/token", "EAAGtoken\n")
        .with_file("/run/secrets/secret", "s3cret\r\n")
        .with_file("/run/secrets/phrase", "two words");
    let config = Config::load(&Flags::default(), &environment).expect("enough");
    let app = &config.apps[0];
    assert_eq!(app.access_token.expose_secret(), "EAAGtoken");
    assert_eq!(
        app.app_secret.as_ref().expect("set").expose_secret(),
        "s3cret"
    );
    assert_eq!(
        app.webhook_verify_token
            .as_ref()
            .expect("set")
            .expose_secret(),
        "two words"
    );
    assert_eq!(app.accounts.len(), 4);
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let environment = environment().with_file("/etc/exporter/token", "EAAGfile\n");
    let config = good("apps: [{access_token_file: token}]", environment);
    assert_eq!(config.apps[0].access_token.expose_secret(), "EAAGfile");
}

#[test]
fn variables_complete_the_only_app() {
    let environment = environment().with_variable("WHATSAPP_APP_ID", "42");
    let config = good(
        "apps: [{name: main, access_token: EAAGfile, accounts: [7]}]",
        environment,
    );
    let app = &config.apps[0];
    assert_eq!(app.name, "main");
    assert_eq!(
        app.app_id.as_ref().map(ToString::to_string).as_deref(),
        Some("42")
    );
    assert_eq!(app.access_token.expose_secret(), "EAAGfile");
    assert_eq!(app.accounts[0].as_str(), "7");
    assert_eq!(
        app.app_secret.as_ref().expect("filled").expose_secret(),
        "s3cret"
    );
}

#[test]
fn apps_are_named_after_their_ids() {
    let config = good(TWO_APPS, FixedEnvironment::default());
    let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["one", "7"]);
}

#[test]
fn variables_are_refused_with_several_apps() {
    let environment =
        FixedEnvironment::default().with_variable("WHATSAPP_ACCESS_TOKEN_FILE", "/token");
    assert_eq!(
        load(TWO_APPS, environment).expect_err("ambiguous"),
        "WHATSAPP_ACCESS_TOKEN_FILE: is set, but the file declares 2 apps, so it is unclear \
         to which one the variable belongs; unset it and give each app its own key in the file"
    );
}

#[test]
fn secrets_of_disabled_webhooks_are_optional() {
    let environment = FixedEnvironment::default()
        .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGtoken")
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "1");
    let flags = flags(&[("--webhook.enabled", "false")]);
    let config = Config::load(&flags, &environment).expect("enough without webhooks");
    assert!(!config.webhook.enabled && config.apps[0].app_secret.is_none());
    let with_secret = environment.with_variable("WHATSAPP_APP_SECRET", "s3cret");
    let config = Config::load(&flags, &with_secret).expect("also enough");
    assert!(
        config.apps[0].app_secret.is_some(),
        "kept for appsecret_proof"
    );
}

#[test]
fn the_previous_secret_is_optional_and_differs_from_the_current_one() {
    let previous = |key: &str| format!("apps: [{{{key}}}]");
    let shown = |config: &Config| {
        let secret = config.apps[0].app_secret_previous.as_ref();
        secret.map(|secret| secret.expose_secret().to_owned())
    };
    let config = good(&previous("app_secret_previous: older"), environment());
    assert_eq!(shown(&config).as_deref(), Some("older"));
    let of_file = environment().with_file("/etc/exporter/older", "older\r\n");
    let config = good(&previous("app_secret_previous_file: older"), of_file);
    assert_eq!(shown(&config).as_deref(), Some("older"));
    for (variable, value) in [
        ("WHATSAPP_APP_SECRET_PREVIOUS", "older"),
        ("WHATSAPP_APP_SECRET_PREVIOUS_FILE", "/older"),
    ] {
        let environment = environment().with_variable(variable, value);
        let config = good("", environment.with_file("/older", "older"));
        assert_eq!(shown(&config).as_deref(), Some("older"), "{variable}");
    }
    assert_eq!(shown(&good("", environment())), None);

    let in_file = |key: &str| (previous(key), environment());
    let in_variable = |name| (String::new(), environment().with_variable(name, "s3cret"));
    let named_in_variable = |name| {
        (
            previous("name: a"),
            environment().with_variable(name, "/same"),
        )
    };
    for (place, (text, environment)) in [
        (
            "apps[0].app_secret_previous",
            in_file("app_secret_previous: s3cret"),
        ),
        (
            "apps[0].app_secret_previous_file",
            in_file("app_secret_previous_file: /same"),
        ),
        (
            "WHATSAPP_APP_SECRET_PREVIOUS",
            in_variable("WHATSAPP_APP_SECRET_PREVIOUS"),
        ),
        (
            "WHATSAPP_APP_SECRET_PREVIOUS_FILE",
            named_in_variable("WHATSAPP_APP_SECRET_PREVIOUS_FILE"),
        ),
    ] {
        let config = good(&text, environment.with_file("/same", "s3cret"));
        let mut warnings = config.warnings.iter();
        let is_reported = warnings.any(|warning| {
            warning.place == place && warning.message.starts_with("is the same as app_secret; ")
        });
        assert!(is_reported, "{place}: {:?}", config.warnings);
        assert_eq!(shown(&config), None);
    }
    let both = errors(&previous(
        "app_secret_previous: a, app_secret_previous_file: b",
    ));
    assert!(both.contains("keep one of them"), "{both}");
    assert!(
        errors(&previous("app_secret_previous: ''"))
            .contains("apps[0].app_secret_previous: is empty")
    );
}

#[test]
fn a_key_in_place_of_the_key_file_is_refused() {
    let given = |path: &str| format!("trackers: {{key_file: '{path}'}}");
    let config = good(&given("customers.key"), environment());
    let path = config.trackers.key_file.expect("given").0;
    assert_eq!(path.to_str(), Some("/etc/exporter/customers.key"));
    let by_flag = flags(&[("--trackers.key-file", "customers.key")]);
    let config = Config::load(&by_flag, &environment()).expect("good");
    let path = config.trackers.key_file.expect("given").0;
    assert_eq!(path.to_str(), Some("customers.key"));
    assert!(good("", environment()).trackers.key_file.is_none());
    for key in [&"0f".repeat(32), &"0f".repeat(16), "", "/etc/.."] {
        let error = errors(&given(key));
        assert!(
            error.starts_with("trackers.key_file: is not the path of a file"),
            "{error}"
        );
        assert!(key.is_empty() || !error.contains(key), "{error}");
    }
}

#[test]
fn an_account_is_listed_once_per_app_but_several_apps_may_list_it() {
    let yaml = TWO_APPS.replace("[2, 3]", "[2, 1, 2]");
    assert_eq!(
        load(&yaml, FixedEnvironment::default()).expect_err("repeated"),
        "apps[1].accounts[2]: account 2 is already listed in apps[1].accounts[0]; list it once per app"
    );
}

#[test]
fn names_of_apps_are_unique() {
    let yaml = TWO_APPS.replace("name: one", "name: '7'");
    assert_eq!(
        load(&yaml, FixedEnvironment::default()).expect_err("the same name"),
        "apps[1].name: is the same as that of apps[0]; give each app its own name"
    );
}

#[test]
fn accounts_may_be_discovered_instead_of_listed() {
    let secrets = "access_token: a, app_secret: b, webhook_verify_token: c";
    let one = |how: &str| format!("apps: [{{{secrets}, {how}}}]");
    let config = good(&one("discover_by_token: true"), FixedEnvironment::default());
    assert!(config.apps[0].accounts.is_empty() && config.apps[0].discovery.is_on());
    let by_business = one("businesses: ['7'], include: '^800 Fern', exclude: Test");
    let config = good(&by_business, FixedEnvironment::default());
    let discovery = &config.apps[0].discovery;
    let takes = |name| discovery.includes(&WabaId::parse("800").expect("digits"), name);
    assert!(takes("Fern & Moss") && !takes("Fern Test") && !takes("Café"));
    let environment = environment().with_variable("WHATSAPP_BUSINESS_IDS", "7, 8");
    let config = good("", environment);
    assert_eq!(config.apps[0].discovery.businesses.len(), 2);
    let bad = one("discover_by_token: perhaps, businesses: [x], include: '('");
    let errors = load(&bad, FixedEnvironment::default()).expect_err("all of it is bad");
    for place in ["discover_by_token", "businesses[0]", "include", "accounts"] {
        assert!(errors.contains(&format!("apps[0].{place}: ")), "{errors}");
    }
}
