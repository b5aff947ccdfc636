//! Subcommands of the program send requests to a listener with TLS and passwords on the same machine.

use std::time::Duration;

use whatsapp_business_exporter::app::command::CommandClient;
use whatsapp_business_exporter::app::drill::{self, DrillSignal};
use whatsapp_business_exporter::app::health::{Probe, ask};
use whatsapp_business_exporter::config::{Config, Flags};

use super::authority::Authority;
use super::{USERS, client, exporter_with, https, tls_section};
use crate::exporter::meta::{CONFIG_FILE, Exporter};

/// The environment of a subcommand, with the port of the exporter.
fn config(exporter: &Exporter) -> Config {
    let address = exporter.url.trim_start_matches("http://").to_owned();
    let flags = Flags::default()
        .with_config_file(Some(CONFIG_FILE.into()))
        .with("--web.listen-address", Some(address.clone()))
        .with("--webhook.listen-address", Some(address));
    Config::load(&flags, &exporter.file).expect("a valid configuration")
}

#[tokio::test]
async fn a_rejection_shows_that_it_lives_and_open_probes_show_more() {
    let ca = Authority::new();
    for (more, is_told) in [("", false), ("  open_probes: true\n", true)] {
        let file = tls_section("") + &USERS;
        let exporter = exporter_with(&file, more, &ca.server(), &ca).await;
        let web = config(&exporter).web;
        ask(&web, Probe::Healthy).await.expect("it lives");
        let ready = ask(&web, Probe::Ready).await;
        assert_eq!(ready.is_ok(), is_told, "{ready:?}");
    }
}

#[tokio::test]
async fn a_drill_needs_no_password() {
    let ca = Authority::new();
    let mut exporter = exporter_with(&tls_section(""), "", &ca.server(), &ca).await;
    let commands =
        CommandClient::new(&config(&exporter), None, None).expect("an app with a secret");
    let order = drill::begin(
        &commands,
        DrillSignal::NumberBanned,
        Duration::from_secs(60),
    );
    order.await.expect("it obeys");
    exporter.http = client(&ca, None);
    exporter.url = https(&exporter.url);
    assert!(exporter.get("/metrics").await.contains("DRILL"));
}
