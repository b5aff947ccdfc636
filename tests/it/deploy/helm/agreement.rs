//! The chart deploys what the kustomizations deploy.

use serde_json::Value;

use super::super::NAME;
use super::super::kubernetes::build::built;
use super::super::kubernetes::{CLUSTER as KUSTOMIZE_CLUSTER, EXAMPLE, manifest, parsed};
use super::{CLUSTER, SQLITE, config_file, objects, rendered_as};

/// Fields that only the chart sets, because a namespace can have several of its releases.
const OF_HELM: [&str; 4] = [
    "app.kubernetes.io/instance",
    "imagePullPolicy",
    "serviceAccountName",
    "type",
];

/// The object without fields that only the chart sets, or that differ between installations.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.iter().filter(|(key, value)| {
                let is_other_type = *key == "type" && **value != "ClusterIP";
                !OF_HELM.contains(&key.as_str()) || is_other_type
            });
            kept.map(|(key, value)| (key.clone(), normalized(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(normalized).collect(),
        // Kustomize adds a hash to the name of its ConfigMap.
        Value::String(text) if is_hashed(text) => NAME.into(),
        other => other.clone(),
    }
}

fn is_hashed(name: &str) -> bool {
    let hash = name
        .strip_prefix(NAME)
        .and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| {
        hash.len() == 10 && hash.chars().all(|next| next.is_ascii_alphanumeric())
    })
}

fn remove(object: &mut Value, key: &str) {
    let entries = object.as_object_mut().expect("an object");
    entries.remove(key);
}

/// The specification of an object.
fn spec(objects: &[Value], kind: &str, name: &str) -> Value {
    let is_it = |one: &&Value| one["kind"] == kind && one["metadata"]["name"] == name;
    let found = objects.iter().find(is_it);
    let found = found.unwrap_or_else(|| panic!("no {kind} {name}"));
    let mut spec = normalized(&found["spec"]);
    if let Some(template) = spec.get_mut("template") {
        // The checksum of the configuration, in place of the hash.
        remove(&mut template["metadata"], "annotations");
        template["spec"]["containers"][0]["image"].take();
    }
    spec
}

fn assert_same(helm: &[Value], kustomize: &[Value], specs: &[(&str, &str)]) {
    for (kind, suffix) in specs {
        let name = format!("{NAME}{suffix}");
        assert_eq!(
            spec(helm, kind, &name),
            spec(kustomize, kind, &name),
            "{kind} {name}"
        );
    }
}

/// The objects of a release whose names are those of the kustomizations.
fn release(values: &str) -> Vec<Value> {
    let secret = format!("--set=secret.existing={NAME}");
    objects(&rendered_as(NAME, values, &[&secret]))
}

fn kustomized(folder: &str) -> Vec<Value> {
    built(folder).split("\n---\n").map(parsed).collect()
}

#[test]
fn one_replica_is_as_the_example() {
    let specs = [
        ("Deployment", ""),
        ("NetworkPolicy", ""),
        ("PersistentVolumeClaim", ""),
        ("Service", ""),
        ("Service", "-public"),
    ];
    assert_same(&release(SQLITE), &kustomized(EXAMPLE), &specs);
}

#[test]
fn several_replicas_are_as_the_example() {
    let specs = [
        ("Deployment", ""),
        ("Ingress", ""),
        ("NetworkPolicy", ""),
        ("PodDisruptionBudget", ""),
        ("Service", ""),
        ("Service", "-public"),
        ("Service", "-replicas"),
        ("ServiceMonitor", ""),
    ];
    let (helm, kustomize) = (release(CLUSTER), kustomized(KUSTOMIZE_CLUSTER));
    assert_same(&helm, &kustomize, &specs);
    let annotations = |objects: &[Value]| {
        let ingress = objects.iter().find(|one| one["kind"] == "Ingress");
        ingress.expect("an Ingress")["metadata"]["annotations"].clone()
    };
    assert_eq!(annotations(&helm), annotations(&kustomize));
    let mut config = manifest(KUSTOMIZE_CLUSTER, "config.yml");
    // The chart leaves the ports to the defaults of the program.
    remove(&mut config, "web");
    remove(&mut config["webhook"], "listen_address");
    assert_eq!(parsed(config_file(&helm)), config);
}
