//! The packages for Debian and RPM: their files exist and are the same in both, their unit is that of `deploy/systemd` with
//! a user and a configuration file, and their scripts touch only what is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use whatsapp_business_exporter::config::{Config, FixedEnvironment, StoreUrl};

use super::systemd::{
    self, STATE, assert_hardly_exposed, assert_listens_on_loopback, systemd_analyze, value, values,
    variables,
};
use super::{NAME, flags_of_serve, path, said_by, text};

const FOLDER: &str = "deploy/packages";
const UNIT: &str = "deploy/packages/whatsapp-business-exporter.service";
const PROGRAM: &str = "/usr/bin/whatsapp-business-exporter";
const CONFIGURATION: &str = "/etc/whatsapp-business-exporter/config.yml";
const SECRETS: &str = "/etc/whatsapp-business-exporter/secrets";

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    deb: Deb,
    generate_rpm: Rpm,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Deb {
    assets: Vec<Asset>,
    depends: String,
    license_file: Vec<String>,
    maintainer_scripts: String,
}

#[derive(Deserialize)]
struct Rpm {
    assets: Vec<Asset>,
    requires: BTreeMap<String, String>,
    post_install_script: String,
    pre_uninstall_script: String,
    post_uninstall_script: String,
}

#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Asset {
    source: String,
    dest: String,
    mode: String,
    #[serde(default)]
    config: Option<String>,
}

fn metadata() -> Metadata {
    let manifest: Manifest = toml::from_str(&text("Cargo.toml")).expect("both packages");
    manifest.package.metadata
}

/// The path at which a file of the repository is installed, in both packages.
fn installed(source: &str) -> String {
    let mut assets = metadata().deb.assets.into_iter();
    let asset = assets.find(|asset| asset.source == source);
    asset
        .unwrap_or_else(|| panic!("{source} is not packaged"))
        .dest
}

/// Files of the repository that this source names, which may end in `*.json`.
fn matches(source: &str) -> usize {
    match source.split_once('*') {
        None => usize::from(path(source).is_file()),
        Some((folder, end)) => {
            let entries = std::fs::read_dir(path(folder)).expect("a folder");
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            names
                .filter(|name| name.to_string_lossy().ends_with(end))
                .count()
        }
    }
}

#[test]
fn every_file_exists_or_is_created() {
    let metadata = metadata();
    let script = text(".ci/packages").replace("$name", NAME);
    for asset in metadata
        .deb
        .assets
        .iter()
        .chain(&metadata.generate_rpm.assets)
    {
        match asset.source.strip_prefix("target/packages/") {
            Some(created) => {
                let is_created = script.contains(&format!("$staged/{created}\""))
                    || ["bash", "zsh", "fish"].contains(&created);
                assert!(is_created, ".ci/packages does not create {created}");
            }
            None => assert!(matches(&asset.source) > 0, "{asset:?}"),
        }
    }
    assert!(script.contains("completions/{bash,zsh,fish} \"$staged/\""));
    let [copyright] = &metadata.deb.license_file[..] else {
        panic!("one file");
    };
    assert!(path(copyright).is_file());
}

#[test]
fn both_packages_contain_the_same_files() {
    let metadata = metadata();
    let same = |asset: &Asset| {
        let dest = asset
            .dest
            .replace("/vendor-completions/", "/site-functions/");
        (asset.source.clone(), dest, asset.mode.clone())
    };
    let deb: BTreeSet<_> = metadata.deb.assets.iter().map(same).collect();
    let mut rpm: BTreeSet<_> = metadata.generate_rpm.assets.iter().map(same).collect();
    // Debian has the text of the licence, and cargo-deb creates the file that refers to it.
    rpm.retain(|(source, ..)| source != "LICENSE");
    assert_eq!(deb, rpm);
    assert_eq!(metadata.generate_rpm.assets.len(), rpm.len() + 1);
    for needed in ["ca-certificates", "systemd"] {
        assert!(metadata.deb.depends.contains(needed));
        assert!(metadata.generate_rpm.requires.contains_key(needed));
    }
}

#[test]
fn an_upgrade_keeps_all_configuration() {
    // dpkg keeps every changed file of /etc. rpm does so only for marked files.
    let rpm = metadata().generate_rpm.assets;
    let kept: BTreeSet<&str> = rpm
        .iter()
        .filter(|asset| asset.config.as_deref() == Some("noreplace"))
        .map(|asset| asset.dest.as_str())
        .collect();
    let of_etc: BTreeSet<&str> = rpm
        .iter()
        .map(|asset| asset.dest.as_str())
        .filter(|dest| dest.starts_with("/etc/"))
        .collect();
    assert_eq!(kept, of_etc);
    let defaults = format!("/etc/default/{NAME}");
    assert_eq!(kept, BTreeSet::from([CONFIGURATION, &defaults]));
}

#[test]
fn all_rules_and_dashboards_are_packaged() {
    let assets = metadata().deb.assets;
    let inside = |folder: &str| {
        let folder = format!("/usr/share/{NAME}/{folder}/");
        let found = assets.iter().filter(|asset| asset.dest == folder);
        found
            .map(|asset| asset.source.clone())
            .collect::<BTreeSet<_>>()
    };
    let files = std::fs::read_dir(path("alerts")).expect("the rules");
    let names = files.map(|entry| entry.expect("an entry").file_name());
    let rules = names
        .map(|name| format!("alerts/{}", name.display()))
        // Alertmanager's configuration would be invalid among the rules.
        .filter(|file| file.ends_with(".yml") && file != "alerts/alertmanager.yml");
    assert_eq!(inside("rules"), rules.collect());
    let dashboards = BTreeSet::from(["grafana/dashboards/*.json".to_owned()]);
    assert_eq!(inside("dashboards"), dashboards);
}

#[test]
fn the_unit_is_that_of_deploy_systemd_with_user_and_configuration() {
    let settings = |file| {
        let text = text(file);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (of_package, of_source) = (settings(UNIT), settings(systemd::UNIT));
    let added: Vec<&String> = of_package.difference(&of_source).collect();
    assert_eq!(
        added,
        [
            &format!("ConditionDirectoryNotEmpty={SECRETS}"),
            &format!("ExecStart={PROGRAM} serve --config.file={CONFIGURATION} $ARGS"),
            &format!("User={NAME}"),
        ]
    );
    let removed = of_source.difference(&of_package);
    let removed: BTreeSet<&str> = removed
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    let replaced = ["DynamicUser", "Environment", "ExecStart", "LoadCredential"];
    assert_eq!(removed, BTreeSet::from(replaced));
    assert_eq!(systemd_analyze(UNIT, PROGRAM, &["verify"]), "");
    assert_hardly_exposed(UNIT, PROGRAM);
}

#[test]
fn paths_of_the_unit_are_paths_of_the_package() {
    let unit = text(UNIT);
    assert_eq!(
        installed(UNIT),
        format!("/usr/lib/systemd/system/{NAME}.service")
    );
    assert_eq!(installed(&format!("target/packages/{NAME}")), PROGRAM);
    assert_eq!(installed(&format!("{FOLDER}/config.yml")), CONFIGURATION);
    let defaults = installed(&format!("{FOLDER}/{NAME}.default"));
    assert_eq!(value(&unit, "EnvironmentFile"), format!("-{defaults}"));
    assert!(values(&unit, "LoadCredential").is_empty());
}

/// The configuration of the service with this file.
fn config(file: &str) -> Config {
    let yaml = text(&format!("{FOLDER}/{file}"));
    let secrets = yaml.lines().filter_map(|line| line.split_once("_file: "));
    let mut environment = FixedEnvironment::default();
    for (_, secret) in secrets {
        assert_eq!(Path::new(secret).parent(), Some(Path::new(SECRETS)));
        environment = environment.with_file(secret, "secret");
    }
    environment = environment.with_file(CONFIGURATION, yaml);
    let (unit, defaults) = (text(UNIT), text(&format!("{FOLDER}/{NAME}.default")));
    let start = value(&unit, "ExecStart").replace("$ARGS", variables(&defaults)["ARGS"]);
    let arguments = start.strip_prefix(PROGRAM).expect("our program");
    let flags = flags_of_serve(arguments.split_whitespace());
    Config::load(&flags, &environment).unwrap_or_else(|errors| panic!("{file}: {errors}"))
}

#[test]
fn the_installed_configuration_needs_only_secrets() {
    let unit = text(UNIT);
    for file in ["config.yml", "several-apps.yml"] {
        let config = config(file);
        let StoreUrl::File(store) = &config.store.url else {
            panic!("{file} has no file");
        };
        let folder = Path::new(STATE).join(value(&unit, "StateDirectory"));
        assert_eq!(store.parent(), Some(folder.as_path()));
        assert_listens_on_loopback(&config);
    }
    assert!(
        !text(&format!("{FOLDER}/config.yml")).contains("\n    accounts:"),
        "whose account?"
    );
}

#[test]
fn the_user_owns_its_state_and_reads_its_secrets() {
    let unit = text(UNIT);
    let sysusers = format!("{FOLDER}/{NAME}.sysusers");
    let said = said_by(
        Command::new("systemd-sysusers")
            .arg("--dry-run")
            .arg(path(&sysusers)),
        "Debian's package `systemd`",
    );
    assert!(said.contains(NAME), "{said}");
    let state = Path::new(STATE).join(value(&unit, "StateDirectory"));
    let state = state.display();
    let tmpfiles = text(&format!("{FOLDER}/{NAME}.tmpfiles"));
    let lines: Vec<&str> = tmpfiles
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let mode = value(&unit, "StateDirectoryMode");
    assert_eq!(
        lines,
        [
            format!("d {SECRETS} 0750 root {NAME}"),
            format!("d {state} {mode} {NAME} {NAME}"),
        ]
    );
    // What the package creates, and nothing else, is removed with it.
    let postrm = text(&format!("{}/postrm", metadata().deb.maintainer_scripts));
    let removed: Vec<&str> = postrm.lines().filter(|line| line.contains("rm ")).collect();
    assert_eq!(removed, [format!("  rm -rf {state} {SECRETS}")]);
}

#[test]
fn shells_parse_the_scripts() {
    let metadata = metadata();
    let rpm = metadata.generate_rpm;
    let debian =
        ["postinst", "postrm"].map(|name| format!("{}/{name}", metadata.deb.maintainer_scripts));
    for script in &debian {
        // Where cargo-deb inserts what starts, enables and stops the service.
        assert!(text(script).contains("\n#DEBHELPER#\n"), "{script}");
        assert!(text(script).starts_with("#!/bin/sh\nset -e\n"), "{script}");
    }
    let scripts = [
        rpm.post_install_script,
        rpm.pre_uninstall_script,
        rpm.post_uninstall_script,
    ];
    for script in debian.iter().chain(&scripts) {
        for shell in ["dash", "bash"] {
            let said = said_by(Command::new(shell).arg("-n").arg(path(script)), shell);
            assert_eq!(said, "", "{script}");
        }
    }
    for script in [
        ".ci/packages",
        ".ci/packages-on-debian",
        ".ci/packages-on-debian-inside",
    ] {
        let said = said_by(Command::new("bash").arg("-n").arg(path(script)), "bash");
        assert_eq!(said, "", "{script}");
    }
}

/// Needs root, debootstrap, systemd-nspawn, and a package of `make packages`.
#[test]
#[ignore = "downloads and boots a Debian"]
fn a_real_debian_installs_upgrades_and_removes_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../package");
    let entries = std::fs::read_dir(&folder).expect("run `make packages`");
    let mut files = entries.map(|entry| entry.expect("an entry").path());
    let package = files.find(|file| file.extension().is_some_and(|end| end == "deb"));
    let mut script = Command::new(path(".ci/packages-on-debian"));
    let said = said_by(
        script.arg(package.expect("run `make packages`")),
        "Debian's packages `debootstrap` and `systemd-container`",
    );
    assert!(said.contains("all steps passed"), "{said}");
}
