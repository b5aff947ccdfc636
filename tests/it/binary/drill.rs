//! A drill in a running exporter: it is shown, marked and ended, and only the owner of the app secret can start it.

use rustix::process::Signal;

use crate::durability::service::{NO_META, PATIENCE, Service, variables};
use crate::http::{get, metrics, post_text, until_metric};
use crate::process::{Process, outcome, program, until};

const RED: &str = r#"whatsapp_phone_number_quality_rating{waba_id="000000000000000",phone_number_id="000000000000001",quality_rating="RED"} 1"#;

fn drill(service: &Service, arguments: &[&str]) -> Process {
    let url = format!("--url=http://{}/webhook", service.address);
    program(
        &[&["drill", NO_META, &url], arguments].concat(),
        &variables(),
    )
}

fn until_gone(service: &Service) {
    until("the drill to be gone", PATIENCE, || {
        let text = metrics(service.address)?;
        if text.contains("000000000000000") {
            Err(text)
        } else {
            Ok(())
        }
    });
}

#[test]
fn a_drill_is_on_metrics_under_its_own_name_until_it_is_taken_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let mut drill = drill(&service, &["--signal=number-red"]);
    until_metric(service.address, RED);
    let text = metrics(service.address).expect("it answers");
    assert!(
        text.contains("verified_name=\"DRILL, no real number\""),
        "{text}"
    );
    assert!(
        text.contains("waba_name=\"DRILL, no real account\""),
        "{text}"
    );
    service.process.until_logged("drill started");

    drill.signal(Signal::INT);
    assert_eq!(drill.ended_within(PATIENCE).code(), Some(0), "{drill:?}");
    until_gone(&service);
    let history = get(service.address, "/api/v1/history?since=0", "").expect("it answers");
    assert!(!history.body.contains("000000000000000"), "{history:?}");
}

#[test]
fn a_drill_ends_after_its_time_or_by_a_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let mut short = drill(&service, &["--signal=template-paused", "--for=1s"]);
    assert_eq!(short.ended_within(PATIENCE).code(), Some(0), "{short:?}");
    until_gone(&service);

    // The command that started the drill is killed. The drill continues until another command ends it.
    let killed = drill(&service, &["--signal=number-red"]);
    until_metric(service.address, RED);
    drop(killed);
    until_metric(service.address, RED);
    let mut end = drill(&service, &["--end"]);
    assert_eq!(end.ended_within(PATIENCE).code(), Some(0), "{end:?}");
    until_gone(&service);
}

#[test]
fn a_drill_requires_the_app_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let url = format!("--url=http://{}/webhook", service.address);
    let mut variables = variables();
    let secret = variables
        .iter_mut()
        .find(|(name, _)| name == "WHATSAPP_APP_SECRET");
    secret.expect("it is there").1 = "another-secret-than-the-exporters".to_owned();
    let refused = outcome(&["drill", NO_META, &url, "--signal=number-red"], &variables);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.log.contains("another app secret"),
        "{}",
        refused.log
    );

    let order = r#"{"object":"whatsapp_business_exporter_drill","written_ms":0,"signal":"number-red","seconds":60}"#;
    let unsigned = post_text(service.address, "/webhook", "X-Nothing: 1", order);
    assert_eq!(unsigned.expect("it answers").status, 401);
    until_gone(&service);
}

#[test]
fn signals_are_listed_where_none_is_chosen() {
    for arguments in [
        ["drill", NO_META].as_slice(),
        &["drill", NO_META, "--signal=mauve"],
    ] {
        let refused = outcome(arguments, &variables());
        assert_ne!(refused.code, Some(0));
        assert!(
            refused.log.contains("account-disable-scheduled"),
            "{}",
            refused.log
        );
    }
}
