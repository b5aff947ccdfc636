//! `simulate` and `serve` in two terminals: the second is configured by the variables that the first prints.

use serde_json::json;

use crate::http::{get, post, until_metric};
use crate::process::{Process, SOON, exported_by, program, quiet_meta, until};

const NUMBER: &str = r#"{waba_id="800100200300401",phone_number_id="900100200300401""#;

#[test]
fn an_account_of_the_environment_is_on_metrics_and_its_webhooks_move_it() {
    let (meta, graph) = quiet_meta(&[]);
    let base_url = format!("--graph.base-url=http://{graph}");
    let exporter = program(
        &[&base_url, "--web.listen-address=127.0.0.1:0"],
        &exported_by(&meta),
    );
    let address = exporter.address_after("the status page address=");
    until_metric(address, &format!("whatsapp_phone_number_info{NUMBER}"));
    until_metric(
        address,
        &format!("whatsapp_phone_number_flagged{NUMBER}}} 0"),
    );

    let callback = json!({"callback_url": format!("http://{address}/webhook"), "webhooks": "on"});
    let answer = post(graph, "/simulator/webhooks", &callback).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let change = json!({"change": "number_flagged", "phone_number_id": "900100200300401"});
    let answer = post(graph, "/simulator/changes", &change).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    until_metric(
        address,
        &format!("whatsapp_phone_number_flagged{NUMBER}}} 1"),
    );
    until_metric(address, "whatsapp_exporter_webhook_deliveries_total 1");
}

#[test]
fn a_simulated_fleet_is_discovered() {
    let sizes = ["--accounts=3", "--numbers=2", "--templates=150"];
    let arguments = [
        ["simulate", "--listen-address=127.0.0.1:0"].as_slice(),
        &sizes,
    ]
    .concat();
    let meta = program(&arguments, &[]);
    let graph = meta.address_after("For game days, http://");
    let base_url = format!("--graph.base-url=http://{graph}");
    let exporter = program(
        &[&base_url, "--web.listen-address=127.0.0.1:0"],
        &exported_by(&meta),
    );
    let address = exporter.address_after("the status page address=");
    let last = r#"{waba_id="801000000000002""#;
    until_metric(address, &format!("whatsapp_business_account_info{last}"));
    until_metric(
        address,
        r#"whatsapp_phone_number_info{waba_id="801000000000002",phone_number_id="901000000000005""#,
    );
    until_metric(
        address,
        &format!(r#"whatsapp_message_templates{last},status="APPROVED"}}"#),
    );
}

#[test]
fn logs_are_json_on_request_and_no_output_holds_a_secret() {
    let (meta, graph) = quiet_meta(&["--log.format=json", "--log.level=debug"]);
    let variables = exported_by(&meta);
    let base_url = format!("--graph.base-url=http://{graph}");
    let exporter = program(
        &[
            "serve",
            &base_url,
            "--web.listen-address=127.0.0.1:0",
            "--log.format=json",
            "--log.level=trace",
        ],
        &variables,
    );
    let address = address_in_json(&exporter);
    until_metric(address, &format!("whatsapp_phone_number_info{NUMBER}"));
    let refused = get(
        address,
        "/webhook?hub.mode=subscribe&hub.verify_token=guess",
        "",
    );
    assert!(refused.is_ok_and(|answer| answer.status >= 400));
    let page = get(address, "/", "").expect("the status page").body;
    let metrics = get(address, "/metrics", "").expect("the metrics").body;

    for process in [&meta, &exporter] {
        for line in process.log().lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect(line);
            for field in ["timestamp", "level", "message"] {
                assert!(entry[field].is_string(), "{line}");
            }
        }
    }
    for (name, secret) in &variables {
        if name == "WHATSAPP_BUSINESS_ACCOUNT_IDS" {
            continue;
        }
        assert!(secret.len() > 8, "{name} has no secret to look for");
        for output in [
            &meta.log(),
            &exporter.log(),
            &exporter.out(),
            &page,
            &metrics,
        ] {
            assert!(!output.contains(secret.as_str()), "{name} is in {output}");
        }
    }
}

fn address_in_json(exporter: &Process) -> std::net::SocketAddr {
    until("the address in the log", SOON, || {
        let log = exporter.log();
        let entries = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let mut serving = entries.filter(|entry: &serde_json::Value| {
            entry["message"] == "serving /metrics and the status page"
        });
        let address = serving.find_map(|entry| entry["address"].as_str()?.parse().ok());
        address.ok_or(log)
    })
}
