//! Messages of the log and `check-config` about wrong ids and addresses.

use crate::process::{exported_by, outcome, program, quiet_meta};

/// The portfolio and the app of every simulated world.
const BUSINESS: &str = "700100200300400";
const APP: &str = "600100200300400";

#[test]
fn the_log_names_the_type_of_a_wrong_id() {
    let (meta, graph) = quiet_meta(&[]);
    for (id, kind) in [
        (BUSINESS, "a business portfolio"),
        ("900100200300401", "a phone number"),
        (APP, "an app"),
    ] {
        let mut variables = exported_by(&meta);
        let accounts = |(name, _): &&mut (String, String)| name == "WHATSAPP_BUSINESS_ACCOUNT_IDS";
        let listed = variables.iter_mut().find(accounts);
        id.clone_into(&mut listed.expect("it is exported").1);
        let base_url = format!("--graph.base-url=http://{graph}");
        let exporter = program(&[&base_url, "--web.listen-address=127.0.0.1:0"], &variables);
        exporter.until_logged(&format!(
            "this is the id of {kind}, not of a WhatsApp Business Account; list the WABA id"
        ));
        let log = exporter.log();
        assert!(log.contains("wrong_node_type"), "{log}");
        assert!(!log.contains("meta rejected a field"), "{log}");
    }
}

#[test]
fn the_log_reports_an_app_secret_of_another_app() {
    let (meta, graph) = quiet_meta(&[]);
    let mut variables = exported_by(&meta);
    let secret = |(name, _): &&mut (String, String)| name == "WHATSAPP_APP_SECRET";
    let configured = variables.iter_mut().find(secret);
    let other = "0123456789abcdef0123456789abcdef";
    other.clone_into(&mut configured.expect("it is exported").1);
    let base_url = format!("--graph.base-url=http://{graph}");
    let exporter = program(&[&base_url, "--web.listen-address=127.0.0.1:0"], &variables);
    exporter.until_logged("the app secret does not belong to the access token's app");
    let log = exporter.log();
    assert!(!log.contains(other), "{log}");
    assert!(
        !log.contains("meta no longer accepts the access token"),
        "{log}"
    );
}

#[test]
fn an_api_version_in_the_base_url_is_an_error_of_check_config() {
    let (meta, _) = quiet_meta(&[]);
    let variables = exported_by(&meta);
    let base_url = "--graph.base-url=https://graph.facebook.com/v25.0/";
    let outcome = outcome(&["check-config", base_url], &variables);
    assert_ne!(outcome.code, Some(0));
    let output = format!("{}{}", outcome.out, outcome.log);
    let expected = "has the API version v25.0 in its path; remove it from the URL and set graph.api_version to it";
    assert!(
        output.contains(expected) && output.contains("graph.base-url"),
        "{output}"
    );
}
