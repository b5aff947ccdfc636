//! What single values change.

use serde_json::{Value, json};

use super::super::NAME;
use super::super::kubernetes::named;
use super::{CLUSTER, SQLITE, objects, only, rendered, rendered_as};

fn with(values: &str, arguments: &[&str]) -> Vec<Value> {
    objects(&rendered(values, arguments))
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    let kinds = objects.iter().filter_map(|one| one["kind"].as_str());
    let mut kinds: Vec<&str> = kinds.collect();
    kinds.sort_unstable();
    kinds
}

fn pod(objects: &[Value]) -> &Value {
    &only(objects, "Deployment")["spec"]["template"]["spec"]
}

#[test]
fn by_default_nothing_is_exposed_and_no_operator_is_needed() {
    let expected = [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Service",
        "Service",
        "ServiceAccount",
    ];
    let objects = with(SQLITE, &[]);
    assert_eq!(kinds(&objects), expected);
    assert_eq!(pod(&objects)["automountServiceAccountToken"], false);
    let account = only(&objects, "ServiceAccount");
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[test]
fn names_begin_with_the_release() {
    let long = "a".repeat(53);
    for (release, arguments, expected) in [
        ("wa", &[][..], format!("wa-{NAME}")),
        (NAME, &[], NAME.to_owned()),
        ("wa", &["--set=fullnameOverride=mine"], "mine".to_owned()),
        (&long, &[], long.clone()),
    ] {
        let objects = objects(&rendered_as(release, CLUSTER, arguments));
        assert_eq!(only(&objects, "Deployment")["metadata"]["name"], expected);
        let services = objects.iter().filter(|one| one["kind"] == "Service");
        for service in services {
            let name = service["metadata"]["name"].as_str().expect("a name");
            assert!(name.starts_with(&expected) && name.len() < 64, "{name}");
        }
    }
}

#[test]
fn the_database_is_on_a_volume_of_the_chart_or_on_another_or_on_none() {
    let volume = |argument: &str| {
        let objects = with(SQLITE, &[argument]);
        let has_claim = kinds(&objects).contains(&"PersistentVolumeClaim");
        let mut volume = named(&pod(&objects)["volumes"], "data").clone();
        volume.as_object_mut().expect("a volume").remove("name");
        (has_claim, volume)
    };
    let claim = |name: &str| json!({"persistentVolumeClaim": {"claimName": name}});
    let own = (true, claim(&format!("wa-{NAME}")));
    assert_eq!(volume("--set=persistence.enabled=true"), own);
    let existing = volume("--set=persistence.existingClaim=mine");
    assert_eq!(existing, (false, claim("mine")));
    let none = volume("--set=persistence.enabled=false");
    assert_eq!(none, (false, json!({"emptyDir": {}})));
}

#[test]
fn a_listener_without_peers_is_closed() {
    let spec = |arguments: &[&str]| only(&with(SQLITE, arguments), "NetworkPolicy")["spec"].clone();
    let no_operators = "--set-json=networkPolicy.operatorFrom=[]";
    let spec_of_public = spec(&[no_operators]);
    let rules = spec_of_public["ingress"].as_array().expect("rules");
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["ports"], json!([{"port": "public"}]));
    let closed = spec(&[no_operators, "--set-json=networkPolicy.publicFrom=[]"]);
    assert!(closed["ingress"].is_null());
    assert_eq!(closed["policyTypes"], json!(["Ingress", "Egress"]));
    let disabled = with(SQLITE, &["--set=networkPolicy.enabled=false"]);
    assert!(!kinds(&disabled).contains(&"NetworkPolicy"));
}

#[test]
fn the_ports_of_the_database_servers_are_open() {
    for (url, expected) in [
        ("postgres://me@a/x", vec![5432]),
        ("postgresql://a:6432,b,c:6432/x?port=1", vec![6432, 5432]),
        ("postgres://me@[::1]:6543,[::2]/x", vec![6543, 5432]),
    ] {
        let url = format!("--set-json=config.store.url={}", json!(url));
        let objects = with(CLUSTER, &[&url]);
        let rules = &only(&objects, "NetworkPolicy")["spec"]["egress"];
        let ports = rules[2]["ports"].as_array().expect("ports").iter();
        let ports: Vec<Value> = ports.map(|port| port["port"].clone()).collect();
        assert_eq!(ports, expected, "{url}");
    }
}

#[test]
fn a_service_account_is_created_or_named() {
    for (arguments, is_created, expected) in [
        (&["--set=serviceAccount.name=mine"][..], true, "mine"),
        (&["--set=serviceAccount.create=false"], false, "default"),
        (
            &[
                "--set=serviceAccount.create=false",
                "--set=serviceAccount.name=mine",
            ],
            false,
            "mine",
        ),
    ] {
        let objects = with(SQLITE, arguments);
        assert_eq!(kinds(&objects).contains(&"ServiceAccount"), is_created);
        assert_eq!(pod(&objects)["serviceAccountName"], expected);
    }
}

#[test]
fn a_disruption_budget_is_for_several_replicas() {
    let has_budget = |arguments: &[&str]| {
        let objects = with(CLUSTER, arguments);
        kinds(&objects).contains(&"PodDisruptionBudget")
    };
    assert!(has_budget(&[]));
    assert!(!has_budget(&["--set=replicaCount=1"]));
    assert!(!has_budget(&["--set=podDisruptionBudget.enabled=false"]));
}

#[test]
fn images_have_a_tag_or_a_digest() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let by_digest = format!("--set=image.digest={digest}");
    let version = env!("CARGO_PKG_VERSION");
    // Where a release pushes the image.
    let published = format!("ghcr.io/{NAME}/{NAME}");
    for (argument, expected) in [
        ("--set=image.tag=", format!("{published}:{version}")),
        ("--set=image.tag=1.2.3", format!("{published}:1.2.3")),
        ("--set=image.repository=own", format!("own:{version}")),
        (&by_digest, format!("{published}@{digest}")),
    ] {
        let objects = with(SQLITE, &[argument]);
        assert_eq!(pod(&objects)["containers"][0]["image"], expected);
    }
}
