//! The program accepts the arguments, the file and the secrets of the pod.

use std::path::Path;

use serde_json::Value;
use whatsapp_business_exporter::config::{Config, FixedEnvironment, ListenAddress, StoreUrl};

use super::super::flags_of_serve;
use super::super::kubernetes::{named, texts};
use super::{ALL, CLUSTER, EVERYTHING, SQLITE, config_file, container, objects, only, rendered};

/// Keys of an existing Secret.
const KEYS: [&str; 5] = [
    "access-token",
    "app-secret",
    "verify-token",
    "database-password",
    "customer-key",
];

fn mounted<'a>(container: &'a Value, name: &str) -> &'a Path {
    let mount = named(&container["volumeMounts"], name);
    Path::new(mount["mountPath"].as_str().expect("a path"))
}

/// The configuration of the pod in an output of Helm.
pub fn config(output: &str) -> Config {
    let objects = objects(output);
    let container = container(&objects);
    let file = mounted(container, "config").join("config.yml");
    let environment = FixedEnvironment::default().with_file(file, config_file(&objects));
    let secret = objects.iter().find(|one| one["kind"] == "Secret");
    let keys: Vec<&str> = match secret {
        Some(secret) => {
            let keys = secret["stringData"].as_object().expect("keys").keys();
            keys.map(String::as_str).collect()
        }
        None => KEYS.to_vec(),
    };
    let environment = keys.into_iter().fold(environment, |environment, key| {
        let path = mounted(container, "secrets").join(key);
        environment.with_file(path, "secret")
    });
    let flags = flags_of_serve(texts(&container["args"]));
    Config::load(&flags, &environment).unwrap_or_else(|errors| panic!("{errors}\n{output}"))
}

fn port(address: ListenAddress) -> u16 {
    address.candidates().first().expect("an address").port()
}

#[test]
fn the_program_accepts_the_configuration_and_listens_on_the_pods_ports() {
    for values in ALL {
        let output = rendered(values, &[]);
        let config = config(&output);
        let objects = objects(&output);
        let ports = &container(&objects)["ports"];
        let public = config.webhook.listen_address.expect("a port of its own");
        for (name, address) in [("operator", config.web.listen_address), ("public", public)] {
            let declared = &named(ports, name)["containerPort"];
            assert_eq!(*declared, port(address), "{values}: {name}");
        }
    }
}

#[test]
fn a_store_is_on_the_volume_or_on_a_server() {
    for values in [SQLITE, EVERYTHING] {
        let output = rendered(values, &[]);
        let StoreUrl::File(store) = config(&output).store.url else {
            panic!("SQLite is the default");
        };
        let objects = objects(&output);
        let folder = mounted(container(&objects), "data")
            .parent()
            .expect("a folder");
        // The working folder of the image.
        assert!(
            folder
                .join(store)
                .starts_with(mounted(container(&objects), "data"))
        );
        only(&objects, "PersistentVolumeClaim");
    }
    let output = rendered(CLUSTER, &[]);
    assert!(matches!(config(&output).store.url, StoreUrl::Server(_)));
    let kinds = objects(&output);
    assert!(
        kinds
            .iter()
            .all(|one| one["kind"] != "PersistentVolumeClaim")
    );
}

#[test]
fn ids_are_those_of_the_values() {
    let accounts = "--set-json=config.apps[0].accounts=[\"122100200300400501\", 800100200300401]";
    let output = rendered(SQLITE, &[accounts]);
    let expected = "- \"122100200300400501\"\n      - 800100200300401\n";
    assert!(output.contains(expected), "{output}");
    config(&output);
}

#[test]
fn without_webhooks_only_the_access_token_is_read() {
    let arguments = [
        "--set=config.webhook.enabled=false",
        "--set=secret.existing=",
        "--set=secret.values.access-token=secret",
    ];
    let config = config(&rendered(SQLITE, &arguments));
    assert!(!config.webhook.enabled);
}

#[test]
fn the_ingress_has_the_path_and_the_callback_url_of_the_program() {
    let arguments = ["--set=config.webhook.path=/meta/hook"];
    let output = rendered(CLUSTER, &arguments);
    let objects = objects(&output);
    let rule = &only(&objects, "Ingress")["spec"]["rules"][0];
    let paths = rule["http"]["paths"].as_array().expect("paths");
    assert_eq!(paths.len(), 1);
    assert_eq!(paths[0]["path"], "/meta/hook");
    assert_eq!(paths[0]["pathType"], "Exact");
    assert_eq!(paths[0]["backend"]["service"]["port"]["name"], "public");
    let url = format!(
        "callback_url: https://{}/meta/hook\n",
        rule["host"].as_str().expect("a host")
    );
    assert!(config_file(&objects).contains(&url), "{url}");
    config(&output);
}

#[test]
fn a_changed_configuration_or_secret_starts_a_new_pod() {
    let template = |argument: &str| {
        let objects = objects(&rendered(EVERYTHING, &[argument]));
        only(&objects, "Deployment")["spec"]["template"].clone()
    };
    let before = template("--set=service.port=81");
    assert_eq!(
        before,
        template("--set=service.port=80"),
        "the pod is the same"
    );
    for change in [
        "config.web.max_connections=9",
        "secret.values.verify-token=other",
    ] {
        assert_ne!(before, template(&format!("--set={change}")), "{change}");
    }
}
