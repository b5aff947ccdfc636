//! Common mistakes in values: each error names the place and never repeats the value.

use super::*;

const TOKEN: &str = "EAAGm0PX4ZCpsBAKZC2ZBfJq7ZAsecret";
const HEX: &str = "0123456789abcdef0123456789abcdef";

/// The sources of each secret: key, key of its file, variable, variable of its file.
const SECRETS: [[&str; 4]; 4] = [
    [
        "access_token",
        "access_token_file",
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_ACCESS_TOKEN_FILE",
    ],
    [
        "app_secret",
        "app_secret_file",
        "WHATSAPP_APP_SECRET",
        "WHATSAPP_APP_SECRET_FILE",
    ],
    [
        "webhook_verify_token",
        "webhook_verify_token_file",
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE",
    ],
    [
        "token",
        "token_file",
        "WHATSAPP_EVENTS_TOKEN",
        "WHATSAPP_EVENTS_TOKEN_FILE",
    ],
];

/// A configuration file with `value` under a secret's key, and the place of the value.
fn in_yaml(key: &str, value: &str) -> (String, String) {
    match key {
        "token" | "token_file" => (
            format!("trackers: {{{key}: {value}}}"),
            format!("trackers.{key}"),
        ),
        _ => (
            format!("apps: [{{{key}: {value}}}]"),
            format!("apps[0].{key}"),
        ),
    }
}

/// A complete environment except this variable and the variable of its file.
fn environment_without(variable: &str) -> FixedEnvironment {
    let all = [
        ("WHATSAPP_ACCESS_TOKEN", TOKEN),
        ("WHATSAPP_APP_SECRET", HEX),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "phrase"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398"),
    ];
    let others = all.into_iter().filter(|(name, _)| *name != variable);
    others.fold(FixedEnvironment::default(), |environment, (name, value)| {
        environment.with_variable(name, value)
    })
}

#[test]
fn every_blank_variable_is_unset() {
    for setting in super::super::reference() {
        let Some(variable) = setting.variable else {
            continue;
        };
        for blank in ["", " ", "\t \n"] {
            let blank = |environment: FixedEnvironment| environment.with_variable(variable, blank);
            let (with, without) = (
                blank(environment_without(variable)),
                environment_without(variable),
            );
            let [with, without] =
                [with, without].map(|it| load("", it).map(|it| it.summary().to_string()));
            assert_eq!(with, without, "{variable}");
            // A file with several apps does not allow variables, but a blank one counts as unset.
            let app = |name: &str| {
                format!(
                    "{{name: {name}, access_token: a, app_secret: b, webhook_verify_token: c, accounts: [{}]}}",
                    name.len()
                )
            };
            let several = format!("apps: [{}, {}]", app("x"), app("xx"));
            assert!(
                load(&several, blank(FixedEnvironment::default())).is_ok(),
                "{variable}"
            );
        }
    }
}

#[test]
fn a_blank_variable_does_not_override_its_file() {
    for [_, _, variable, file] in SECRETS {
        let environment = environment_without(variable)
            .with_file("/secret", format!("{HEX}\n"))
            .with_variable(variable, "")
            .with_variable(file, "/secret");
        assert!(load("", environment).is_ok(), "{variable}");
        let blank_file = environment_without("")
            .with_variable(variable, HEX)
            .with_variable(file, " ");
        assert!(load("", blank_file).is_ok(), "{file}");
    }
}

#[test]
fn extra_text_around_a_secret_is_an_error_in_every_source() {
    let slips = [
        (format!("\"{HEX}\""), "is in quotation marks"),
        (format!("'{HEX}'"), "is in quotation marks"),
        (format!("\u{feff}{HEX}"), "begins with a byte order mark"),
        (
            format!("WHATSAPP_ACCESS_TOKEN={HEX}"),
            "contains a name before the value",
        ),
        (
            format!("export TOKEN={HEX}"),
            "contains a name before the value",
        ),
        ("{{ .Token }}".to_owned(), "is a placeholder"),
        ("<your token>".to_owned(), "is a placeholder"),
        ("$WHATSAPP_ACCESS_TOKEN".to_owned(), "is a placeholder"),
        ("${WHATSAPP_ACCESS_TOKEN}".to_owned(), "is a placeholder"),
    ];
    for ([key, file_key, variable, file_variable], (text, expected)) in SECRETS
        .into_iter()
        .flat_map(|secret| slips.iter().map(move |slip| (secret, slip)))
    {
        let assert_error =
            |yaml: &str, environment: FixedEnvironment, place: &str, expected: &str| {
                let errors = load(yaml, environment).expect_err(text);
                assert!(
                    errors.starts_with(&format!("{place}: ")) && errors.contains(expected),
                    "{errors}"
                );
                assert!(!errors.contains(HEX), "{errors}");
            };
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let (yaml, place) = in_yaml(key, &quoted);
        let in_file = if text.starts_with("${") {
            "contains a variable"
        } else {
            expected
        };
        assert_error(&yaml, environment_without(variable), &place, in_file);
        assert_error(
            "",
            environment_without(variable).with_variable(variable, text),
            variable,
            expected,
        );
        let file = || environment_without(variable).with_file("/secret", format!("{text}\n"));
        let of_file = format!("the secret in the file it names {expected}");
        let (yaml, place) = in_yaml(file_key, "/secret");
        assert_error(&yaml, file(), &place, &of_file);
        assert_error(
            "",
            file().with_variable(file_variable, "/secret"),
            file_variable,
            &of_file,
        );
    }
}

#[test]
fn a_bearer_prefix_is_an_error() {
    let environment =
        environment_without("").with_variable("WHATSAPP_ACCESS_TOKEN", format!("Bearer {TOKEN}"));
    assert_eq!(
        load("", environment).expect_err("a prefix"),
        "WHATSAPP_ACCESS_TOKEN: begins with an authentication scheme, such as `Bearer`, which the exporter adds \
         itself; set the token alone"
    );
}

#[test]
fn a_variable_in_braces_is_an_error_for_every_key() {
    for setting in super::super::reference() {
        let Some((section, name)) = setting.key.and_then(|key| key.split_once('.')) else {
            continue;
        };
        // These keys take lists or maps.
        let lists = [
            "accounts",
            "allowed_hosts",
            "businesses",
            "campaigns",
            "experiments",
            "journeys",
            "policy",
            "trusted_proxies",
        ];
        if lists.contains(&name) {
            continue;
        }
        let item = format!("{{{name}: \"${{VALUE:-x}}\"}}");
        let yaml = match section.strip_suffix("[]") {
            Some(list) => format!("{list}: [{item}]"),
            None if name.contains("[]") => continue,
            None => format!("{section}: {item}"),
        };
        let errors = load(&yaml, environment()).expect_err(&yaml);
        assert!(
            errors.contains("the exporter does not expand variables in this file"),
            "{yaml}\n{errors}"
        );
    }
    let errors = errors("apps: [{accounts: ['${WABA}']}]");
    assert!(
        errors.starts_with("apps[0].accounts[0]: contains a variable"),
        "{errors}"
    );
}

#[test]
fn a_byte_order_mark_is_accepted_but_utf16_is_an_error() {
    let file = format!("\u{feff}apps: [{{access_token: {TOKEN}}}]");
    assert!(load(&file, environment_without("WHATSAPP_ACCESS_TOKEN")).is_ok());
    for big in [false, true] {
        let unit = |unit: u16| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(unit).collect() };
        for mark in ["", "\u{feff}"] {
            let secret = environment_without("WHATSAPP_ACCESS_TOKEN")
                .with_file("/token", utf16(&format!("{mark}{TOKEN}")))
                .with_variable("WHATSAPP_ACCESS_TOKEN_FILE", "/token");
            assert_eq!(
                load("", secret).expect_err("UTF-16"),
                "WHATSAPP_ACCESS_TOKEN_FILE: the file it names is UTF-16 text; save it as UTF-8; check its \
                 path and permissions"
            );
            let config = environment().with_file(FILE, utf16(&format!("{mark}log: {{}}")));
            let flags = Flags::default().with_config_file(Some(FILE.into()));
            let errors = Config::load(&flags, &config).expect_err("UTF-16");
            assert_eq!(
                errors.to_string(),
                "--config.file: /etc/exporter/config.yml is UTF-16 text; save it as UTF-8"
            );
        }
    }
}

#[test]
fn an_app_secret_of_unusual_format_is_a_warning() {
    let warnings = |yaml: &str, environment| -> Vec<String> {
        let config = good(yaml, environment);
        config.warnings.iter().map(ToString::to_string).collect()
    };
    assert!(warnings("", environment_without("")).is_empty());
    let message = "is not 32 hexadecimal digits, as Meta's app secrets are; compare it with App settings > \
                   Basic in the App Dashboard, or signatures will not match";
    let in_file = environment_without("WHATSAPP_APP_SECRET").with_file("/secret", "another");
    for (yaml, environment, place) in [
        (
            "",
            environment_without("").with_variable("WHATSAPP_APP_SECRET", TOKEN),
            "WHATSAPP_APP_SECRET",
        ),
        (
            "apps: [{app_secret: s3cret}]",
            environment_without("WHATSAPP_APP_SECRET"),
            "apps[0].app_secret",
        ),
        (
            "apps: [{app_secret_file: /secret}]",
            in_file,
            "apps[0].app_secret_file",
        ),
    ] {
        assert_eq!(warnings(yaml, environment), [format!("{place}: {message}")]);
    }
}

#[test]
fn requiring_the_proxy_protocol_from_loopback_is_a_warning() {
    for (proxies, is_reported) in [
        ("10.0.0.7", false),
        ("10.0.0.0/8, fd00::/8", false),
        ("10.0.0.7, 127.0.0.1", true),
        ("127.0.0.2", true),
        ("127.0.0.0/8", true),
        ("::1", true),
        ("64.0.0.0/2", true),
    ] {
        for section in ["web", "webhook"] {
            for is_on in [true, false] {
                let more = match section {
                    "web" => format!(", proxy_protocol: {is_on}}}"),
                    _ => format!("}}\n{section}: {{proxy_protocol: {is_on}}}"),
                };
                let yaml = format!("web: {{trusted_proxies: [{proxies}]{more}");
                let config = good(&yaml, environment());
                let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
                let start =
                    format!("{section}.proxy_protocol: also requires a PROXY protocol header");
                let is_warned = warnings.iter().any(|text| text.starts_with(&start));
                assert_eq!(is_warned, is_reported && is_on, "{yaml}: {warnings:?}");
            }
        }
    }
}
