//! Values that cannot work fail, with the value to change.

use super::super::FROM_NPM;
use super::{CLUSTER, SQLITE, helm};

/// The error of Helm about the values. Fails if Helm renders them.
fn error(values: &str, settings: &[&str]) -> String {
    let mut helm = helm(&["template", "wa", ".", "--values", values]);
    for setting in settings {
        let is_json = setting.ends_with(']');
        helm.arg(if is_json { "--set-json" } else { "--set" });
        helm.arg(setting);
    }
    let output = helm.output();
    let output = output.unwrap_or_else(|error| panic!("helm: {error}; install {FROM_NPM}"));
    assert!(!output.status.success(), "{settings:?} are rendered");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn combinations_that_cannot_work_name_the_value_to_change() {
    for (setting, expected) in [
        (
            "replicaCount=3",
            "replicaCount is 3, but SQLite has one writer. Set config.store.url to postgres://..., or replicaCount to 1.",
        ),
        (
            "config.store.url=postgres://db/whatsapp",
            "Set config.trackers.key_file to /etc/whatsapp-business-exporter/secrets/customer-key",
        ),
        (
            "config.store.url=postgres://me:secret@db/x,config.trackers.key_file=/k",
            "The password in config.store.url would be stored in a ConfigMap.",
        ),
        ("config.apps=[]", "config.apps is empty."),
        (
            "config.web.listen_address=:80",
            "config.web.listen_address cannot be changed",
        ),
        (
            "config.webhook.listen_address=:80",
            "config.webhook.listen_address cannot be changed",
        ),
        (
            "config.web.route_prefix=/wa",
            "config.web.route_prefix would move the paths of probes",
        ),
        (
            "config.apps[0].accounts={122100200300400501}",
            "config.apps[0].accounts: Helm rounds numbers of this length. Write ids in quotes.",
        ),
        (
            "config.apps[0].access_token=EAA",
            "config.apps[0].access_token would be stored in a ConfigMap.",
        ),
        (
            "config.trackers.token=secret",
            "config.trackers.token would be stored in a ConfigMap.",
        ),
        (
            "config.gate.token=secret",
            "set config.gate.token_file to its path",
        ),
        (
            "config.notify.webhooks[0].secret=secret",
            "config.notify.webhooks[0].secret would be stored in a ConfigMap.",
        ),
        (
            "secret.existing=",
            "There is no Secret. Set secret.existing",
        ),
        (
            "secret.values.access-token=EAA",
            "secret.existing and secret.values are both set.",
        ),
        (
            "secret.existing=,secret.values.access-token=EAA",
            "secret.values has no app-secret, which the configuration reads as /etc/whatsapp-business-exporter/secrets/app-secret.",
        ),
        ("ingress.webhook.enabled=true", "Set ingress.webhook.host."),
        (
            "ingress.webhook.enabled=true,ingress.webhook.host=a.example.com,config.webhook.enabled=false",
            "ingress.webhook.enabled needs webhooks.",
        ),
        (
            "prometheusRule.enabled=true,prometheusRule.alerts.WhatsAppNone.enabled=false",
            "prometheusRule.alerts has no alert named WhatsAppNone.",
        ),
        (
            "prometheusRule.enabled=true,prometheusRule.manifest=groups",
            "prometheusRule.manifest is not a PrometheusRule.",
        ),
    ] {
        let said = error(SQLITE, &[setting]);
        assert!(said.contains(expected), "{setting}: {said}");
    }
}

#[test]
fn a_secret_that_a_cluster_reads_is_missed() {
    let secret = "secret.existing=,secret.values.access-token=a,secret.values.app-secret=b,secret.values.verify-token=c";
    let said = error(CLUSTER, &[secret]);
    assert!(
        said.contains("secret.values has no database-password,"),
        "{said}"
    );
    let said = error(CLUSTER, &[secret, "secret.values.database-password=d"]);
    assert!(
        said.contains("secret.values has no customer-key,"),
        "{said}"
    );
}

#[test]
fn the_schema_refuses_unknown_keys_and_wrong_types() {
    for (setting, expected) in [
        ("replicas=3", "additional properties 'replicas' not allowed"),
        (
            "ingress.enabled=true",
            "at '/ingress': additional properties 'enabled' not allowed",
        ),
        (
            "replicaCount=two",
            "at '/replicaCount': got string, want integer",
        ),
        ("config.apps=null", "at '/config': missing property 'apps'"),
        ("image=null", "missing property 'image'"),
        (
            "image.pullPolicy=Sometimes",
            "at '/image/pullPolicy': value must be one of",
        ),
        (
            "persistence.enabled=yes",
            "at '/persistence/enabled': got string, want boolean",
        ),
        (
            "config.apps=one",
            "at '/config/apps': got string, want array",
        ),
        (
            "prometheusRule.alerts.WhatsAppDataStale.severity=urgent",
            "value must be one of 'critical', 'warning', 'info'",
        ),
        (
            "prometheusRule.alerts.WhatsAppDataStale.for=5",
            "at '/prometheusRule/alerts/WhatsAppDataStale/for': got number, want string",
        ),
        (
            "serviceMonitor.endpoint.port=web",
            "invalid propertyName 'port'",
        ),
    ] {
        let said = error(SQLITE, &[setting]);
        assert!(said.contains(expected), "{setting}: {said}");
    }
}
