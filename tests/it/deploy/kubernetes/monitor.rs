//! The ServiceMonitor, checked against a list of fields of the Prometheus operator's v1: no package that a test could
//! install contains the schema.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{NAME, text};
use super::{BASE, manifest, named};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceMonitor {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    selector: Selector,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    port: String,
    interval: String,
}

#[test]
fn the_monitor_has_known_fields_and_selects_only_the_operators_port() {
    let text = text(&format!("{BASE}/service-monitor.yaml"));
    let monitor: ServiceMonitor = serde_saphyr::from_str(&text).expect("a ServiceMonitor");
    assert_eq!(monitor.api_version, "monitoring.coreos.com/v1");
    assert_eq!(monitor.kind, "ServiceMonitor");
    assert_eq!(monitor.metadata.name, NAME);
    assert_eq!(monitor.metadata.labels["app.kubernetes.io/name"], NAME);
    let [endpoint] = &monitor.spec.endpoints[..] else {
        panic!("one endpoint is scraped");
    };
    assert!(humantime::parse_duration(&endpoint.interval).is_ok());
    for (file, is_chosen) in [
        ("service-operator.yaml", true),
        ("service-public.yaml", false),
    ] {
        let service = manifest(BASE, file);
        let labels = &service["metadata"]["labels"];
        let mut wanted = monitor.spec.selector.match_labels.iter();
        assert_eq!(
            wanted.all(|(name, value)| labels[name] == *value),
            is_chosen,
            "{file}"
        );
        if is_chosen {
            named(&service["spec"]["ports"], &endpoint.port);
        }
    }
}
