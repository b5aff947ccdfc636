//! No output contains a secret, wherever it was set.

use super::*;

/// Unique text, so that a search finds every copy; the second has the format of an app secret.
const SECRETS: [&str; 2] = [
    "EAAGm0PX4ZCpsBAKZC2ZBfJq7ZAsecretsecretsecret",
    "0123456789abcdef0123456789abcdef",
];

fn assert_hidden(output: &str) {
    // Even a third of a secret must not be shown.
    for secret in SECRETS {
        assert!(!output.contains(&secret[..10]), "{output}");
    }
}

#[test]
fn debug_and_summary_show_no_secret() {
    let yaml = format!(
        "apps: [{{access_token: {0}, app_secret: {1}, webhook_verify_token: {1}, accounts: [7]}}]",
        SECRETS[0], SECRETS[1]
    );
    let config = good(&yaml, FixedEnvironment::default());
    assert_hidden(&format!("{config:?}\n{config:#?}\n{}", config.summary()));
}

#[test]
fn a_secret_in_any_key_is_not_repeated() {
    let keys = super::super::reference();
    let keys = keys.iter().filter_map(|setting| setting.key);
    for (key, secret) in keys.flat_map(|key| SECRETS.map(|secret| (key, secret))) {
        let (section, name) = key.split_once('.').expect("every key is in a section");
        let item = format!("{{{name}: {secret}}}");
        let yaml = match section.strip_suffix("[]") {
            Some(list) => format!("{list}: [{item}]"),
            None => format!("{section}: {item}"),
        };
        match load(&yaml, environment()) {
            Ok(config) if name != "name" => assert_hidden(&config.summary().to_string()),
            Ok(_) => {}
            Err(errors) => assert_hidden(&errors),
        }
    }
}

#[test]
fn a_secret_in_any_variable_or_flag_is_not_repeated() {
    for setting in super::super::reference() {
        for secret in SECRETS {
            let environment = match setting.variable {
                Some(variable) => environment().with_variable(variable, secret),
                None => environment(),
            };
            let flags = match setting.flag {
                Some(flag) => flags(&[(flag, secret)]),
                None => Flags::default(),
            };
            match Config::load(&flags, &environment) {
                Ok(config) => assert_hidden(&format!("{config:?}")),
                Err(errors) => assert_hidden(&format!("{errors}\n{errors:?}")),
            }
        }
    }
}

#[test]
fn a_secret_in_a_broken_file_is_not_repeated() {
    let token = SECRETS[0];
    for yaml in [
        format!("apps:\n  - access_token:{token}\n"),
        format!("apps:\n  - name: x\n    access_token:{token}\n"),
        format!("apps: [{{access_token:{token}}}]"),
        format!("apps:\n  - access_token: \"{token}\n"),
        format!("apps:\n  - access_token: {token}\n    access_token: {token}\n"),
        token.to_owned(),
        format!("{token}: x"),
        format!("web: {token}"),
        format!("apps: [{{webhook: {{{token}: 1}}}}]"),
        format!("a: &{token} x\nb: *{token}x\n"),
        format!("apps: !{token} []"),
    ] {
        assert_hidden(&load(&yaml, environment()).expect_err(&yaml));
    }
}

/// Short or differently truncated text can still be a secret.
#[test]
fn a_secret_in_place_of_a_key_is_not_printed() {
    let secrets = [
        "EAAGsecret",
        "EAAG",
        "s3cret",
        "0123456789abcdef0123456789abcdef",
        "abcdefabcdefabcdefabcdefabcdefab",
        "deadbeefdeadbeefdeadbeefdeadbee1",
        "correct-horse-battery",
        "correct horse",
        "Tr0ub4dor&3",
        "x9",
        "pa.ss.w0rd",
        "1234567890|abcDEF",
        "pässwort",
    ];
    for secret in secrets {
        for yaml in [
            format!("'{secret}': x"),
            format!("'{secret}': {{a: b}}"),
            format!("web: {{'{secret}': x}}"),
            format!("apps: [{{'{secret}': x}}]"),
            format!("apps: [{{'{secret}': x, '{secret}': y}}]"),
            format!("apps: [{{access_token: {{'{secret}': x}}}}]"),
            format!("apps: [{{app_secret: {{'{secret}': [x]}}}}]"),
            format!("apps: [{{accounts: {{'{secret}': x}}}}]"),
            format!("apps: {{'{secret}': x}}"),
            format!("apps: [[{{'{secret}': x}}]]"),
            format!("apps: [{{'access_token:{secret}': x}}]"),
            format!("apps: [{{'access_token={secret}': x}}]"),
            format!("apps: [{{'access_token.{secret}': x}}]"),
            format!("apps: [{{'access_token{secret}': x}}]"),
            format!("apps: [{{'{secret}access_token': x}}]"),
            format!("relay: {{upstreams: [{{'{secret}': x}}]}}"),
            format!("notify: {{webhooks: [{{'{secret}': x}}]}}"),
            format!("trackers: {{journeys: [{{'{secret}': x}}]}}"),
            format!("trackers: {{token: {{'{secret}': x}}}}"),
            format!("trackers: {{campaigns: [{{'{secret}': x}}]}}"),
            format!("gate: {{policy: {{'{secret}': stop}}}}"),
            format!("log: {{'{secret}': {{'{secret}': x}}}}"),
        ] {
            let errors = load(&yaml, environment()).expect_err(&yaml);
            assert!(!errors.contains(secret), "{yaml}\n{errors}");
        }
        let file = environment().with_file(
            "/web.yml",
            format!("basic_auth_users: {{'{secret}': x}}\n'{secret}': x"),
        );
        let errors = load("web: {config_file: /web.yml}", file).expect_err(secret);
        assert!(!errors.contains(secret), "{errors}");
    }
}
