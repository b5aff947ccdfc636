//! The kustomization of several replicas: no volume, one more pod before one less, and each replica is scraped.

use serde_json::{Value, json};

use super::super::NAME;
use super::build::built;
use super::program::config;
use super::{BASE, CLUSTER, manifest, named, parsed};
use whatsapp_business_exporter::config::StoreUrl;

/// The built object of this kind and name.
fn object(built: &str, kind: &str, name: &str) -> Option<Value> {
    let mut objects = built.split("\n---\n").map(parsed);
    objects.find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}

#[test]
fn replicas_have_no_volume_and_are_replaced_one_after_the_other() {
    let built = built(CLUSTER);
    assert!(object(&built, "PersistentVolumeClaim", NAME).is_none());
    let deployment = object(&built, "Deployment", NAME).expect("a Deployment");
    assert_eq!(deployment["spec"]["replicas"], 3);
    let strategy = json!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    });
    assert_eq!(deployment["spec"]["strategy"], strategy);
    let spec = &deployment["spec"]["template"]["spec"];
    for list in [&spec["volumes"], &spec["containers"][0]["volumeMounts"]] {
        let names: Vec<&Value> = list.as_array().into_iter().flatten().collect();
        assert_eq!(names.len(), 2, "{list}");
        named(list, "config");
        named(list, "secrets");
    }
    let labels = &deployment["spec"]["selector"]["matchLabels"];
    for constraint in spec["topologySpreadConstraints"]
        .as_array()
        .expect("a list")
    {
        assert_eq!(constraint["labelSelector"]["matchLabels"], *labels);
    }
    let budget = manifest(CLUSTER, "pod-disruption-budget.yaml");
    assert_eq!(budget["spec"]["selector"]["matchLabels"], *labels);
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
}

#[test]
fn the_monitor_finds_each_replica_by_the_headless_service() {
    let built = built(CLUSTER);
    let service = manifest(CLUSTER, "service-replicas.yaml");
    assert_eq!(service["spec"]["clusterIP"], "None");
    let monitor = object(&built, "ServiceMonitor", NAME).expect("a ServiceMonitor");
    let labels = service["metadata"]["labels"].as_object().expect("labels");
    let wanted = &monitor["spec"]["selector"]["matchLabels"];
    assert_eq!(wanted, &json!(labels));
    let job = monitor["spec"]["jobLabel"].as_str().expect("a label");
    assert_eq!(labels[job], NAME, "the job of the rules");
    let deployment = manifest(BASE, "deployment.yaml");
    let pod = &deployment["spec"]["template"];
    assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
    let endpoints = monitor["spec"]["endpoints"].as_array().expect("endpoints");
    assert_eq!(endpoints.len(), 1);
    let port = endpoints[0]["port"].as_str().expect("a port");
    let port = named(&service["spec"]["ports"], port);
    let ports = &pod["spec"]["containers"][0]["ports"];
    assert_eq!(port["port"], named(ports, "operator")["containerPort"]);
}

#[test]
fn the_program_takes_the_configuration_of_replicas() {
    let config = config(CLUSTER);
    assert!(matches!(config.store.url, StoreUrl::Server(_)));
}
