//! Names, labels, ports and volumes of the manifests agree with each other, and the pod has no more rights
//! than it needs.

use serde_json::{Value, json};

use super::super::{NAME, text};
use super::{BASE, EXAMPLE, manifest, named, texts};

fn pod() -> Value {
    manifest(BASE, "deployment.yaml")["spec"]["template"].clone()
}

#[test]
fn every_selector_finds_the_pod() {
    let pod = pod();
    let labels = &pod["metadata"]["labels"];
    let deployment = manifest(BASE, "deployment.yaml");
    let policy = manifest(BASE, "network-policy.yaml");
    let (operator, public) = (
        manifest(BASE, "service-operator.yaml"),
        manifest(BASE, "service-public.yaml"),
    );
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &policy["spec"]["podSelector"]["matchLabels"],
        &operator["spec"]["selector"],
        &public["spec"]["selector"],
    ] {
        assert_eq!(selector, labels);
    }
}

#[test]
fn every_port_is_one_of_the_containers() {
    let pod = pod();
    let ports = &named(&pod["spec"]["containers"], "exporter")["ports"];
    for (file, name) in [
        ("service-operator.yaml", "operator"),
        ("service-public.yaml", "public"),
    ] {
        let service = manifest(BASE, file);
        let port = named(&service["spec"]["ports"], name);
        assert_eq!(port["targetPort"], name, "{file}");
        assert_eq!(port["port"], named(ports, name)["containerPort"], "{file}");
        assert_eq!(
            service["spec"]["ports"].as_array().map(Vec::len),
            Some(1),
            "{file}"
        );
    }
    let container = &pod["spec"]["containers"][0];
    for (probe, route) in [
        ("startupProbe", "/-/healthy"),
        ("livenessProbe", "/-/healthy"),
        ("readinessProbe", "/-/ready"),
    ] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": route, "port": "operator"})
        );
    }
    let ingress = &manifest(BASE, "network-policy.yaml")["spec"]["ingress"];
    let allowed = ingress.as_array().into_iter().flatten();
    let allowed: Vec<Value> = allowed.map(|rule| rule["ports"].clone()).collect();
    assert_eq!(
        allowed,
        [json!([{"port": "operator"}]), json!([{"port": "public"}])]
    );
}

#[test]
fn the_ingress_leads_to_the_public_side_alone() {
    let public = manifest(BASE, "service-public.yaml");
    let ingress = manifest(EXAMPLE, "ingress.yaml");
    let rule = &ingress["spec"]["rules"][0];
    assert_eq!(
        texts(&ingress["spec"]["tls"][0]["hosts"]),
        [rule["host"].as_str().expect("a host")]
    );
    for path in rule["http"]["paths"].as_array().expect("paths") {
        assert_eq!(path["pathType"], "Exact", "a prefix lets more through");
        let service = &path["backend"]["service"];
        assert_eq!(service["name"], public["metadata"]["name"]);
        named(
            &public["spec"]["ports"],
            service["port"]["name"].as_str().expect("a name"),
        );
    }
}

#[test]
fn volumes_are_mounted_and_their_files_exist() {
    let spec = &pod()["spec"];
    let mounts = &spec["containers"][0]["volumeMounts"];
    let volumes = spec["volumes"].as_array().expect("volumes");
    assert_eq!(mounts.as_array().map(Vec::len), Some(volumes.len()));
    for volume in volumes {
        named(mounts, volume["name"].as_str().expect("a name"));
    }
    let claim = manifest(BASE, "persistent-volume-claim.yaml");
    let data = named(&spec["volumes"], "data");
    assert_eq!(
        data["persistentVolumeClaim"]["claimName"],
        claim["metadata"]["name"]
    );
    let folder = &named(mounts, "data")["mountPath"];
    let dockerfile = text("Dockerfile");
    let volume = format!("\nVOLUME {}\n", folder.as_str().expect("a folder"));
    assert!(
        dockerfile.contains(&volume),
        "the image keeps its store elsewhere"
    );
    let secret = manifest(EXAMPLE, "secret.yaml");
    let secrets = named(&spec["volumes"], "secrets");
    assert_eq!(secrets["secret"]["secretName"], secret["metadata"]["name"]);
    let generators = &manifest(BASE, "kustomization.yaml")["configMapGenerator"];
    let config = named(&spec["volumes"], "config")["configMap"]["name"].clone();
    assert_eq!(
        texts(&named(generators, config.as_str().expect("a name"))["files"]),
        ["config.yml"]
    );
}

#[test]
fn the_pod_has_no_more_rights_than_it_needs() {
    let deployment = manifest(BASE, "deployment.yaml");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"], json!({"type": "Recreate"}));
    let spec = &pod()["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    // Variables of services would begin like the exporter's own.
    assert_eq!(spec["enableServiceLinks"], false);
    let container = &spec["containers"][0];
    let rights = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    });
    assert_eq!(container["securityContext"], rights);
    let pod = &spec["securityContext"];
    assert_eq!(pod["runAsNonRoot"], true);
    assert_eq!(pod["seccompProfile"]["type"], "RuntimeDefault");
    let user = format!("\nUSER {}:{}\n", pod["runAsUser"], pod["runAsGroup"]);
    assert!(
        text("Dockerfile").contains(&user),
        "the image has another user"
    );
    assert_eq!(pod["fsGroup"], pod["runAsGroup"]);
    assert_eq!(deployment["metadata"]["name"], NAME);
}
