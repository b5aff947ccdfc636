//! The Compose files in `deploy/` and the provisioning of Grafana fit together: mounted files exist at the path that the
//! container reads, and ports are published on loopback only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::alerts::{rules, tools};

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    build: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
}

#[derive(Deserialize)]
struct Prometheus {
    scrape_configs: Vec<Scrape>,
    rule_files: Vec<String>,
    alerting: Alerting,
}

#[derive(Deserialize)]
struct Scrape {
    static_configs: Vec<Targets>,
}

#[derive(Deserialize)]
struct Alerting {
    alertmanagers: Vec<Scrape>,
}

#[derive(Deserialize)]
struct Targets {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Datasources {
    datasources: Vec<Datasource>,
}

#[derive(Deserialize)]
struct Datasource {
    #[serde(rename = "type")]
    kind: String,
    url: String,
}

#[derive(Deserialize)]
struct Providers {
    providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    options: BTreeMap<String, String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read<T: DeserializeOwned>(path: &str) -> T {
    let text = std::fs::read_to_string(root().join(path)).expect(path);
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The demo, and several replicas.
const FILES: [&str; 2] = ["deploy/compose.yaml", "deploy/compose.cluster.yaml"];

fn composes() -> [Compose; 2] {
    FILES.map(read)
}

/// The mounts of a service from the repository: the path in the repository, and the path in the container.
fn mounts(service: &Service) -> Vec<(PathBuf, String)> {
    let own = service
        .volumes
        .iter()
        .filter(|volume| volume.starts_with('.'));
    let pairs = own.map(|volume| {
        let mut parts = volume.split(':');
        let (here, there) = (
            parts.next().expect("a source"),
            parts.next().expect("a target"),
        );
        assert_eq!(parts.next(), Some("ro"), "{volume} can be written to");
        (root().join("deploy").join(here), there.to_owned())
    });
    pairs.collect()
}

/// The file here that a service sees at `path`.
fn behind(service: &Service, path: &str) -> PathBuf {
    let mounts = mounts(service).into_iter();
    let mut found = mounts.filter_map(|(here, there)| {
        let rest = path.strip_prefix(&there)?;
        Some(if rest.is_empty() {
            here
        } else {
            here.join(rest.trim_start_matches('/'))
        })
    });
    found
        .next()
        .unwrap_or_else(|| panic!("nothing is mounted at {path}"))
}

#[test]
fn mounted_files_exist_and_ports_are_on_loopback_only() {
    for compose in composes() {
        for (name, service) in &compose.services {
            for (here, _) in mounts(service) {
                assert!(here.exists(), "{name}: {} is not there", here.display());
            }
            for port in &service.ports {
                assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
            }
            let named = service
                .volumes
                .iter()
                .filter(|volume| !volume.starts_with('.'));
            for volume in named {
                let (volume, _) = volume.split_once(':').expect("a name");
                assert!(
                    compose.volumes.contains_key(volume),
                    "{name}: no volume {volume}"
                );
            }
        }
        let services = compose.services.values();
        let mut contexts = services
            .filter_map(|service| service.build.as_ref())
            .peekable();
        assert!(contexts.peek().is_some(), "nothing is built here");
        for context in contexts {
            let context = root().join("deploy").join(context);
            assert!(context.join("Dockerfile").exists(), "nothing to build");
        }
    }
}

/// Does a service have this name and this port?
fn serves(compose: &Compose, target: &str) -> bool {
    let (name, port) = target.rsplit_once(':').expect("an address");
    let service = compose.services.get(name);
    service.is_some_and(|service| {
        service
            .ports
            .iter()
            .any(|one| one.ends_with(&format!(":{port}")))
    })
}

#[test]
fn prometheus_finds_the_exporter_every_rule_and_alertmanager() {
    for compose in composes() {
        let file = behind(
            &compose.services["prometheus"],
            "/etc/prometheus/prometheus.yml",
        );
        let text = std::fs::read_to_string(file).expect("it exists");
        let config: Prometheus = serde_saphyr::from_str(&text).expect("a configuration");
        let groups = config
            .scrape_configs
            .iter()
            .chain(&config.alerting.alertmanagers);
        let targets = groups
            .flat_map(|scrape| &scrape.static_configs)
            .flat_map(|group| &group.targets);
        for target in targets {
            assert!(serves(&compose, target), "nothing listens at {target}");
        }
        let read = config
            .rule_files
            .iter()
            .map(|path| behind(&compose.services["prometheus"], path));
        let mut read: Vec<String> = read
            .map(|path| {
                path.file_name()
                    .expect("a file")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let mut all = rules::files();
        read.sort();
        all.sort();
        assert_eq!(read, all);

        let here = root().join("alerts").display().to_string();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join("prometheus.yml");
        std::fs::write(&copy, text.replace("/etc/prometheus/alerts", &here))
            .expect("the folder is ours");
        tools::promtool(&["check", "config"], vec![copy.display().to_string()]);
    }
}

#[test]
fn grafana_finds_prometheus_and_every_board() {
    for compose in composes() {
        let grafana = &compose.services["grafana"];
        let sources: Datasources = read("grafana/provisioning/datasources/prometheus.yml");
        for source in sources.datasources {
            assert_eq!(source.kind, "prometheus");
            let address = source.url.trim_start_matches("http://");
            assert!(serves(&compose, address), "nothing listens at {address}");
        }
        assert!(behind(grafana, "/etc/grafana/provisioning/datasources").exists());
        let providers: Providers = read("grafana/provisioning/dashboards/whatsapp.yml");
        for provider in providers.providers {
            let path = behind(grafana, &provider.options["path"]);
            assert!(
                path.join("fleet.json").exists(),
                "{} has no boards",
                path.display()
            );
        }
        let home = &grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
        assert!(behind(grafana, home).exists(), "{home} is not there");
    }
}

#[test]
fn the_load_balancer_and_prometheus_know_the_same_replicas() {
    let compose: Compose = read(FILES[1]);
    let file = behind(
        &compose.services["load-balancer"],
        "/etc/nginx/conf.d/default.conf",
    );
    let balancer = std::fs::read_to_string(file).expect("it exists");
    let servers = balancer
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server "));
    let servers = servers.filter_map(|server| server.split_once(':').map(|(name, _)| name));
    let file = behind(
        &compose.services["prometheus"],
        "/etc/prometheus/prometheus.yml",
    );
    let text = std::fs::read_to_string(file).expect("it exists");
    let config: Prometheus = serde_saphyr::from_str(&text).expect("a configuration");
    let scraped = config
        .scrape_configs
        .iter()
        .flat_map(|scrape| &scrape.static_configs);
    let scraped = scraped.flat_map(|group| &group.targets);
    let scraped = scraped.filter_map(|target| target.split_once(':').map(|(name, _)| name));
    let replicas: Vec<&str> = scraped.collect();
    assert_eq!(servers.collect::<Vec<_>>(), replicas);
    assert!(replicas.len() > 1, "one replica alone");
}
