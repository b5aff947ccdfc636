//! Every setting with a single value, from each of its sources: flag, variable and file.
//!
//! The settings are those of the reference, so a new one is tested without a change here.

use super::super::{Applies, Setting, reference};
use super::*;

/// For every setting, at least one of these is valid and is not its default.
const CANDIDATES: [&str; 23] = [
    "/x",
    "account",
    "true",
    "false",
    "2m",
    "40s",
    "2d",
    "17",
    "0.5",
    "32MiB",
    "127.0.0.1:9",
    "https://example.com/x/",
    "http://127.0.0.1:9/",
    "sqlite:other.db",
    "v24.0",
    "debug",
    "json",
    "problems",
    "full",
    "sparse",
    "none",
    "client.example.com",
    "Mon-Fri 09:00-17:00",
];

/// More candidates, which the summary does not show.
const HIDDEN: [&str; 4] = ["/ca.pem", "/customers.key", "/password", "/headers"];

/// More candidates that only one setting accepts: files, and a time zone.
const OTHERS: [&str; 2] = ["/other.yml", "Asia/Tokyo"];

/// A value that no setting accepts.
const BAD: &str = "//";

/// Keys that other settings need: trusted proxies for the PROXY protocol, TLS for client certificates.
const FILE_KEYS: [(&str, &str); 2] = [
    ("web.trusted_proxies", "[10.0.0.0/8]"),
    ("webhook.config_file", "/tls.yml"),
];

/// The value of each source; `None` if the source does not give one.
#[derive(Clone, Copy, Default)]
struct GivenValues<'a> {
    flag: Option<&'a str>,
    variable: Option<&'a str>,
    file: Option<&'a str>,
}

/// A setting with a single value: its key, flag and variable.
#[derive(Clone, Copy, Debug)]
struct SettingNames {
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
}

fn settings() -> Vec<SettingNames> {
    let names = |setting: Setting| {
        Some(SettingNames {
            key: setting.key?,
            flag: setting.flag?,
            variable: setting.variable?,
        })
    };
    reference().into_iter().filter_map(names).collect()
}

/// Loads a complete configuration with these values of one setting.
fn load_from(names: SettingNames, sources: GivenValues<'_>) -> Result<Config, String> {
    let tls = "tls_server_config: {cert: c, key: k}";
    let mut environment = environment()
        .with_file("/tls.yml", tls)
        .with_file("/other.yml", tls)
        .with_file("/ca.pem", "an authority")
        .with_file("/password", "a password")
        .with_file("/headers", "Authorization: Bearer secret")
        .with_file(FILE, yaml(names.key, sources.file));
    if let Some(value) = sources.variable {
        environment = environment.with_variable(names.variable, value);
    }
    let flags = Flags::default()
        .with_config_file(Some(FILE.into()))
        .with(names.flag, sources.flag.map(str::to_owned));
    Config::load(&flags, &environment).map_err(|errors| errors.to_string())
}

/// The file, with this value of the key if there is one.
fn yaml(key: &str, value: Option<&str>) -> String {
    let quoted = value.map(|value| format!("'{value}'"));
    let others = FILE_KEYS
        .iter()
        .filter(|(other, _)| *other != key || value.is_none());
    let mut keys: Vec<(&str, &str)> = others.copied().collect();
    keys.extend(quoted.as_deref().map(|value| (key, value)));
    [
        "web",
        "webhook",
        "graph",
        "poll",
        "store",
        "metrics",
        "templates",
        "insights",
        "trackers",
        "gate",
        "relay",
        "notify",
        "otlp",
        "log",
    ]
    .iter()
    .map(|section| {
        let own = keys.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(section)?.strip_prefix('.')?;
            Some(format!("  {name}: {value}\n"))
        });
        format!("{section}:\n{}", own.collect::<String>())
    })
    .collect()
}

/// The value that the summary shows.
fn shown(names: SettingNames, config: &Config) -> String {
    let summary = config.summary().to_string();
    let prefix = format!("{}: ", names.key);
    let mut values = summary
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("{names:?} has no line"));
    value.to_owned()
}

/// A valid value that is not the default, and what the summary shows for it.
fn good_value(names: SettingNames) -> (&'static str, String) {
    let default = load_from(names, GivenValues::default()).expect("defaults");
    let default = shown(names, &default);
    let candidates = CANDIDATES
        .iter()
        .chain(&OTHERS)
        .map(|value| (*value, *value));
    let hidden = HIDDEN.iter().map(|value| (*value, "set"));
    let found = candidates.chain(hidden).find(|(value, expected)| {
        let sources = GivenValues {
            flag: Some(value),
            ..GivenValues::default()
        };
        *expected != default
            && load_from(names, sources).is_ok_and(|config| shown(names, &config) == *expected)
    });
    let (value, expected) = found.unwrap_or_else(|| {
        panic!("{names:?}: no candidate is shown as it is written; add one to CANDIDATES")
    });
    (value, expected.to_owned())
}

#[test]
fn names_of_every_setting_are_derived_from_its_key() {
    let settings = settings();
    assert!(settings.len() > 40, "{}", settings.len());
    for SettingNames {
        key,
        flag,
        variable,
    } in settings
    {
        let expected = format!("--{}", key.replace('_', "-"));
        // Prometheus spells this flag with a dot.
        let expected = expected.replace(".config-file", ".config.file");
        assert_eq!(flag, expected);
        let capitals = key.replace('.', "_").to_uppercase();
        assert_eq!(variable, format!("WHATSAPP_EXPORTER_{capitals}"));
    }
}

#[test]
fn only_lists_and_secrets_have_no_flag() {
    let without = reference().into_iter().filter(|row| row.flag.is_none());
    let keys: Vec<&str> = without
        .filter_map(|row| row.key)
        .filter(|key| !key.contains("[]"))
        .collect();
    assert_eq!(
        keys,
        [
            "web.trusted_proxies",
            "web.allowed_hosts",
            "trackers.token",
            "trackers.token_file",
            "trackers.campaigns",
            "gate.policy",
            "gate.token",
            "gate.token_file"
        ]
    );
}

/// Asserts that the configuration from these sources has the expected value in its summary.
fn assert_gives(names: SettingNames, sources: GivenValues<'_>, expected: &str) -> Config {
    let config = load_from(names, sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(shown(names, &config), expected, "{names:?}");
    config
}

#[test]
fn every_source_gives_every_setting() {
    for names in settings() {
        let (value, expected) = good_value(names);
        let value = Some(value);
        for (flag, variable, file) in [
            (value, None, None),
            (None, value, None),
            (None, None, value),
        ] {
            let sources = GivenValues {
                flag,
                variable,
                file,
            };
            let config = assert_gives(names, sources, &expected);
            assert!(config.warnings.iter().all(|it| it.place != names.variable));
        }
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    for names in settings() {
        let (good, expected) = good_value(names);
        for (flag, variable, file) in [
            (Some(good), Some(BAD), Some(BAD)),
            (Some(good), None, Some(BAD)),
            (None, Some(good), Some(BAD)),
        ] {
            let sources = GivenValues {
                flag,
                variable,
                file,
            };
            assert_gives(names, sources, &expected);
        }
    }
}

#[test]
fn changes_that_need_a_restart_are_listed() {
    for row in reference() {
        let mut all = settings().into_iter();
        let Some(names) = all.find(|names| Some(names.key) == row.key) else {
            continue;
        };
        let (value, _) = good_value(names);
        let sources = GivenValues {
            file: Some(value),
            ..GivenValues::default()
        };
        let [before, after] = [GivenValues::default(), sources]
            .map(|sources| load_from(names, sources).unwrap_or_else(|errors| panic!("{errors}")));
        let keys = |applies| Vec::from_iter((row.applies == applies).then_some(names.key));
        let listeners = keys(Applies::ListenerRestart);
        assert_eq!(after.listener_changes(&before), listeners);
        assert_eq!(after.log_changes(&before), keys(Applies::LogRestart));
        let is_stores = row.applies == Applies::StoreRestart;
        assert_eq!(after.stores_as(&before), !is_stores, "{names:?}");
        let is_kept = row.applies != Applies::Reload;
        let expected = shown(names, if is_kept { &before } else { &after });
        assert_eq!(shown(names, &after.keeping_started(&before)), expected);
    }
}

#[test]
fn a_blank_variable_does_not_win_over_the_file() {
    for names in settings() {
        let (good, expected) = good_value(names);
        let sources = GivenValues {
            variable: Some(" "),
            file: Some(good),
            ..GivenValues::default()
        };
        let config = load_from(names, sources).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(shown(names, &config), expected, "{names:?}");
    }
}

#[test]
fn an_error_names_the_source_of_the_bad_value() {
    for names in settings() {
        let (good, _) = good_value(names);
        for (place, flag, variable, file) in [
            (names.flag, Some(BAD), Some(good), Some(good)),
            (names.variable, None, Some(BAD), Some(good)),
            (names.key, None, None, Some(BAD)),
        ] {
            let sources = GivenValues {
                flag,
                variable,
                file,
            };
            let errors = load_from(names, sources).expect_err("a bad value");
            let mut lines = errors.lines();
            assert!(
                lines.any(|line| line.starts_with(&format!("{place}: "))),
                "{names:?}: {errors}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_of_a_setting_must_be_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    for names in settings() {
        let bytes = OsString::from_vec(vec![b'a', 0xff]);
        let environment = environment().with_variable(names.variable, bytes);
        assert_eq!(
            load("", environment).expect_err("bytes"),
            format!("{}: is not UTF-8 text; set it again", names.variable)
        );
    }
}

#[test]
fn paths_of_variables_do_not_depend_on_the_file() {
    let names = settings();
    let names = names.iter().find(|names| names.key == "web.config_file");
    let names = names.expect("a path");
    let environment = environment()
        .with_file("web.yml", "")
        .with_file("/etc/exporter/web.yml", "")
        .with_variable(names.variable, "web.yml");
    let config = good("", environment.clone());
    assert_eq!(shown(*names, &config), "web.yml");
    let environment = environment.without_variable(names.variable);
    let config = good("web: {config_file: web.yml}", environment);
    assert_eq!(shown(*names, &config), "/etc/exporter/web.yml");
}
