//! SIGTERM in the middle of a delivery, and SIGHUP with a good file and a bad one.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rustix::process::Signal;
use sha2::Sha256;
use tempfile::TempDir;

use crate::http::{connect, parse, until_metric};
use crate::process::{Process, SOON, exported_by, program, quiet_meta, until};

const DELIVERY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"800100200300401","time":1775000000,"changes":[{"field":"account_alerts","value":{"entity_type":"BUSINESS","entity_id":"800100200300401","alert_info":{"alert_severity":"WARNING","alert_status":"ACTIVE","alert_type":"INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED","alert_description":"text"}}}]}]}"#;

fn variable<'a>(variables: &'a [(String, String)], name: &str) -> &'a str {
    let pair = variables.iter().find(|pair| pair.0 == name);
    &pair.expect("the simulated Meta names it").1
}

fn signature(secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(DELIVERY.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Sends the head of a delivery. Returns when the program has sent 100 Continue, so that the request is in flight.
fn begin_delivery(address: SocketAddr, secret: &str) -> TcpStream {
    let mut stream = connect(address).expect("it listens");
    let head = format!(
        "POST /webhook HTTP/1.1\r\nHost: {address}\r\nExpect: 100-continue\r\n\
         X-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\n\r\n",
        signature(secret),
        DELIVERY.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = vec![0; go_on.len()];
    stream
        .read_exact(&mut answer)
        .expect("it asks for the body");
    assert_eq!(answer, go_on);
    stream
}

#[test]
fn sigterm_lets_a_delivery_under_way_finish() {
    let (meta, graph) = quiet_meta(&[]);
    let variables = exported_by(&meta);
    let base_url = format!("--graph.base-url=http://{graph}");
    let arguments = ["serve", &base_url, "--web.listen-address=127.0.0.1:0"];
    let mut exporter = program(&arguments, &variables);
    let address = exporter.address_after("the status page address=");
    let mut stream = begin_delivery(address, variable(&variables, "WHATSAPP_APP_SECRET"));
    let (first, second) = DELIVERY.split_at(DELIVERY.len() / 2);
    stream.write_all(first.as_bytes()).expect("it reads");

    exporter.signal(Signal::TERM);
    exporter.until_logged("stopping");
    stream.write_all(second.as_bytes()).expect("it still reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert_eq!(parse(&answer).map(|answer| answer.status), Some(200));
    let status = exporter.ended_within(SOON);
    assert_eq!(status.code(), Some(0), "{exporter:?}");
    // The grace period is for requests that do not finish.
    let log = exporter.log();
    assert!(!log.contains("grace period ended"), "{log}");
}

const OUTCOME: &str = "whatsapp_exporter_config_last_reload_successful";
const FIRST: &str = "800100200300401";
const SECOND: &str = "800100200300402";

fn write_config(path: &Path, accounts: &str, variables: &[(String, String)]) {
    let token = variable(variables, "WHATSAPP_ACCESS_TOKEN");
    let text = format!(
        "webhook:\n  enabled: false\napps:\n  - access_token: {token}\n    accounts: {accounts}\n"
    );
    fs::write(path, text).expect("the folder is ours");
}

/// The program with a configuration file that watches the first account, and its simulated Meta.
struct Running {
    exporter: Process,
    address: SocketAddr,
    /// The configuration file.
    config: PathBuf,
    /// The variables that the simulated Meta names.
    variables: Vec<(String, String)>,
    _meta: Process,
    _folder: TempDir,
}

impl Running {
    fn with_first_account() -> Self {
        let (meta, graph) = quiet_meta(&[]);
        let variables = exported_by(&meta);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config.yml");
        write_config(&config, &format!("[\"{FIRST}\"]"), &variables);
        let file = format!("--config.file={}", config.display());
        let base_url = format!("--graph.base-url=http://{graph}");
        let listen = "--web.listen-address=127.0.0.1:0";
        let exporter = program(&["serve", &file, &base_url, listen], &[]);
        Self {
            address: exporter.address_after("the status page address="),
            exporter,
            config,
            variables,
            _meta: meta,
            _folder: folder,
        }
    }
}

#[test]
fn sighup_reloads_and_a_bad_file_keeps_the_old_configuration() {
    let running = Running::with_first_account();
    let (exporter, address) = (&running.exporter, running.address);
    let (config, variables) = (&running.config, &running.variables);
    let info = |id: &str| format!("whatsapp_business_account_info{{waba_id=\"{id}\"");
    until_metric(address, &info(FIRST));
    until_metric(address, &format!("{OUTCOME} 1"));

    write_config(config, "[not-an-id]", variables);
    exporter.signal(Signal::HUP);
    until_metric(address, &format!("{OUTCOME} 0"));
    until_metric(address, &info(FIRST));
    exporter.until_logged("could not reload the configuration; keeping the current one");
    exporter.until_logged("apps[0].accounts");

    write_config(config, &format!("[\"{FIRST}\", \"{SECOND}\"]"), variables);
    exporter.signal(Signal::HUP);
    until_metric(address, &format!("{OUTCOME} 1"));
    until_metric(address, &info(SECOND));
    assert!(
        !exporter
            .log()
            .contains(variable(variables, "WHATSAPP_ACCESS_TOKEN"))
    );
}

#[test]
fn changes_that_need_a_restart_are_logged_at_each_reload_until_they_are_reverted() {
    let running = Running::with_first_account();
    let (exporter, address) = (&running.exporter, running.address);
    let config = &running.config;
    until_metric(address, &format!("{OUTCOME} 1"));
    let original = fs::read_to_string(config).expect("it was written");
    let changed = format!(
        "web: {{max_connections: 100}}\nlog: {{level: debug}}\ntrackers: {{key_file: customers.key}}\n{original}"
    );
    for (reloads, text, warnings) in [(1, &changed, 1), (2, &changed, 2), (3, &original, 2)] {
        fs::write(config, text).expect("the folder is ours");
        exporter.signal(Signal::HUP);
        until("the reload", SOON, || {
            match exporter.log().matches("configuration reloaded").count() {
                count if count == reloads => Ok(()),
                _ => Err(exporter.log()),
            }
        });
        let log = exporter.log();
        for warning in ["listener settings", "log settings", "trackers.key_file"] {
            let changed = log.lines().filter(|line| {
                line.contains(warning) && line.contains("changed; restart to apply them")
            });
            assert_eq!(changed.count(), warnings, "{warning}: {log}");
        }
    }
}
