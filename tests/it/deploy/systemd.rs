//! The systemd unit: systemd accepts it and rates its exposure as low, and the program accepts its arguments.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use whatsapp_business_exporter::config::{Config, FixedEnvironment, StoreUrl};

use super::{NAME, assert_is_variable, flags_of_serve, path, said_by, text};

pub(super) const UNIT: &str = "deploy/systemd/whatsapp-business-exporter.service";
const DEFAULTS: &str = "deploy/systemd/whatsapp-business-exporter.default";

/// The path of the program in the unit.
const PROGRAM: &str = "/usr/local/bin/whatsapp-business-exporter";

/// The values of %d and %S in a unit of the system.
const CREDENTIALS: &str = "/run/credentials/whatsapp-business-exporter.service";
pub(super) const STATE: &str = "/var/lib";

/// In tenths, of a hundred. systemd 252 reports 11: the network that it needs, and the host's root
/// directory, where its program and the CA store are. Other versions weigh a little differently.
const MOST_EXPOSED: &str = "15";

/// Every value of a key, in order.
pub(super) fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter_map(|(found, value)| (found == key).then_some(value))
        .collect()
}

pub(super) fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    match values(unit, key)[..] {
        [value] => value,
        ref other => panic!("{key}: {other:?}"),
    }
}

/// `NAME=value` lines, without the quotes that systemd takes away.
pub(super) fn variables(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect()
}

fn with_specifiers(text: &str) -> String {
    text.replace("%d", CREDENTIALS).replace("%S", STATE)
}

/// The output of systemd about the unit, with the path of the program that cargo has built.
pub(super) fn systemd_analyze(unit: &str, program: &str, arguments: &[&str]) -> String {
    let unit = text(unit).replace(program, env!("CARGO_BIN_EXE_whatsapp-business-exporter"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("whatsapp-business-exporter.service");
    std::fs::write(&file, unit).expect("the folder is ours");
    let mut command = Command::new("systemd-analyze");
    said_by(
        command.args(arguments).arg(&file),
        "Debian's package `systemd`",
    )
}

pub(super) fn assert_hardly_exposed(unit: &str, program: &str) {
    let threshold = format!("--threshold={MOST_EXPOSED}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold];
    let said = systemd_analyze(unit, program, &arguments);
    assert!(said.contains("Overall exposure level"), "{said}");
}

#[test]
fn systemd_understands_every_line() {
    assert_eq!(systemd_analyze(UNIT, PROGRAM, &["verify"]), "");
}

#[test]
fn it_is_hardly_exposed() {
    assert_hardly_exposed(UNIT, PROGRAM);
}

/// The configuration that a service of these files has.
fn config() -> Config {
    let (unit, defaults) = (text(UNIT), text(DEFAULTS));
    let mut environment = FixedEnvironment::default();
    for credential in values(&unit, "LoadCredential") {
        let (id, file) = credential.split_once(':').expect("a name and a file");
        assert_eq!(Path::new(file), Path::new("/etc").join(NAME).join(id));
        environment = environment.with_file(format!("{CREDENTIALS}/{id}"), "secret");
    }
    for pair in values(&unit, "Environment") {
        let (name, value) = pair.split_once('=').expect("a variable");
        assert_is_variable(name);
        environment = environment.with_variable(name, with_specifiers(value));
    }
    let defaults = variables(&defaults);
    for (name, _) in defaults.iter().filter(|(name, _)| **name != "ARGS") {
        assert_is_variable(name);
    }
    assert_eq!(
        defaults["WHATSAPP_BUSINESS_ACCOUNT_IDS"], "",
        "whose account?"
    );
    environment = environment.with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "800100200300401");
    let start = with_specifiers(value(&unit, "ExecStart")).replace("$ARGS", defaults["ARGS"]);
    let arguments = start.strip_prefix(PROGRAM).expect("our program");
    let flags = flags_of_serve(arguments.split_whitespace());
    Config::load(&flags, &environment).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Each listener has another port, which only this machine reaches.
pub fn assert_listens_on_loopback(config: &Config) {
    for address in [
        Some(config.web.listen_address),
        config.webhook.listen_address,
    ] {
        let all = address.expect("a port of its own").candidates();
        assert!(all.iter().all(|one| one.ip().is_loopback()), "{all:?}");
    }
}

#[test]
fn the_program_accepts_the_arguments_of_the_unit() {
    let config = config();
    let unit = text(UNIT);
    let folder = Path::new(STATE).join(value(&unit, "StateDirectory"));
    let StoreUrl::File(store) = &config.store.url else {
        panic!("what is learnt is lost");
    };
    assert_eq!(store.parent(), Some(folder.as_path()));
    assert_listens_on_loopback(&config);
    let file = value(&unit, "EnvironmentFile").trim_start_matches('-');
    assert_eq!(Path::new(file), Path::new("/etc/default").join(NAME));
    let name = Path::new(DEFAULTS).file_stem().expect("a name");
    assert_eq!(name, NAME);
    assert!(path(UNIT).ends_with(format!("{NAME}.service")));
}
