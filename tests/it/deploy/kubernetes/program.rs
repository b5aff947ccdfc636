//! The program accepts the arguments, the file and the secrets of the pod.

use std::path::Path;

use whatsapp_business_exporter::config::{Config, FixedEnvironment, ListenAddress};

use super::super::{flags_of_serve, text};
use super::{BASE, CLUSTER, EXAMPLE, manifest, named, texts};

/// Keys of the Secret that only replicas have.
const OF_REPLICAS: [&str; 2] = ["database-password", "customer-key"];

/// The configuration of the pod whose ConfigMap is of this folder.
pub fn config(folder: &str) -> Config {
    let deployment = manifest(BASE, "deployment.yaml");
    let container = named(
        &deployment["spec"]["template"]["spec"]["containers"],
        "exporter",
    );
    assert!(
        container["env"].is_null(),
        "variables are not looked at here"
    );
    let mounted = |name: &str| {
        let mount = named(&container["volumeMounts"], name);
        Path::new(mount["mountPath"].as_str().expect("a path")).to_owned()
    };
    let file = text(&format!("{folder}/config.yml"));
    let environment =
        FixedEnvironment::default().with_file(mounted("config").join("config.yml"), file);
    let secret = manifest(EXAMPLE, "secret.yaml");
    let keys = secret["stringData"].as_object().expect("keys").keys();
    let keys = keys.map(String::as_str).chain(OF_REPLICAS);
    let environment = keys.fold(environment, |environment, key| {
        environment.with_file(mounted("secrets").join(key), "secret")
    });
    let flags = flags_of_serve(texts(&container["args"]));
    Config::load(&flags, &environment).unwrap_or_else(|errors| panic!("{folder}: {errors}"))
}

fn port(address: ListenAddress) -> u16 {
    address.candidates().first().expect("an address").port()
}

#[test]
fn the_program_accepts_the_pods_configuration_and_listens_on_its_ports() {
    let deployment = manifest(BASE, "deployment.yaml");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    for folder in [BASE, EXAMPLE, CLUSTER] {
        let config = config(folder);
        let public = config.webhook.listen_address.expect("a port of its own");
        for (name, address) in [("operator", config.web.listen_address), ("public", public)] {
            let declared = &named(&container["ports"], name)["containerPort"];
            assert_eq!(*declared, port(address), "{folder}: {name}");
        }
    }
}

#[test]
fn the_secret_is_made_of_the_keys_that_the_configuration_reads() {
    let secret = manifest(EXAMPLE, "secret.yaml");
    let how = text(&format!("{EXAMPLE}/kustomization.yaml"));
    for (key, value) in secret["stringData"].as_object().expect("keys") {
        assert_eq!(value, "REPLACE", "a secret in the repository");
        for folder in [BASE, EXAMPLE, CLUSTER] {
            let path = format!("/secrets/{key}\n");
            assert!(
                text(&format!("{folder}/config.yml")).contains(&path),
                "{folder}: {key}"
            );
        }
        assert!(how.contains(&format!("--from-file={key}")), "{key}");
    }
    for key in OF_REPLICAS {
        let how = text(&format!("{CLUSTER}/kustomization.yaml"));
        let path = format!("/secrets/{key}\n");
        assert!(
            text(&format!("{CLUSTER}/config.yml")).contains(&path),
            "{key}"
        );
        assert!(how.contains(&format!("--from-file={key}")), "{key}");
    }
}
