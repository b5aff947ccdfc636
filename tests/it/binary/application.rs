//! The demo's simulated application: what it accepts, and that the demo's exporter serves it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use whatsapp_business_exporter::simulator::application::{
    Application, ApplicationOptions, EventApi, GateApi,
};
use whatsapp_business_exporter::simulator::signature::header_value;

use crate::http::metrics;
use crate::process::{demo, until};
use crate::support::scrape::Scrape;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const DELIVERY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

/// Time for a part of the story, and for what the exporter counts a minute later.
const A_WHILE: Duration = Duration::from_secs(150);

#[tokio::test]
async fn the_application_accepts_only_deliveries_with_a_valid_signature() {
    let options = ApplicationOptions {
        seed: 1,
        speed: 1.0,
        app_secret: SECRET.to_owned(),
    };
    let application = Application::bind(options).await.expect("a free port");
    let url = application.webhook_url();
    // The test ends before the first report.
    let nowhere = EventApi {
        url: "http://127.0.0.1:9/v1/events".to_owned(),
        token: "none".to_owned(),
    };
    let stop = CancellationToken::new();
    let no_campaigns = GateApi {
        url: String::new(),
        campaigns: Vec::new(),
    };
    let running = tokio::spawn(application.run(nowhere, no_campaigns, stop.clone()));

    let http = reqwest::Client::new();
    let post = async |body: &'static str, signature: &str| {
        let request = http.post(&url).header("x-hub-signature-256", signature);
        let answer = request.body(body).send().await.expect("it responds");
        answer.status().as_u16()
    };
    let signature = header_value(SECRET, DELIVERY.as_bytes());
    assert_eq!(post(DELIVERY, &signature).await, 200);
    assert_eq!(post("{}", &signature).await, 401);
    assert_eq!(post("{}", &header_value(SECRET, b"{}")).await, 400);
    let forged = header_value("another secret", DELIVERY.as_bytes());
    assert_eq!(post(DELIVERY, &forged).await, 401);

    stop.cancel();
    let ended = running.await.expect("the application does not panic");
    ended.expect("it ends without an error");
}

#[test]
fn the_demo_relays_to_the_application_and_counts_its_events() {
    let (demo, address) = demo("20");
    let upstream = [("upstream", "application")];
    let scrape = until("replies, sessions and a parked delivery", A_WHILE, || {
        let scrape = Scrape(metrics(address)?);
        let value = |name: &str, labels: &[(&str, &str)]| scrape.value(name, labels);
        let parked = "whatsapp_exporter_relay_parked_deliveries";
        let completed = "whatsapp_journey_sessions_completed_total";
        let has_replies = |actor: &str| {
            let labels = format!("actor=\"{actor}\",clock=\"business\"");
            let is_one = |line: &str| {
                line.starts_with("whatsapp_response_seconds_count")
                    && line.contains(&labels)
                    && !line.ends_with(" 0")
            };
            scrape.0.lines().any(is_one)
        };
        let variants = ["one-question", "two-questions", "none"];
        let is_whole = value(parked, &upstream) > Some(0.0)
            && variants
                .iter()
                .all(|variant| value(completed, &[("variant", variant)]) > Some(10.0))
            && has_replies("bot")
            && has_replies("agent")
            && value("whatsapp_exporter_relay_pending_deliveries", &upstream) < Some(100.0);
        if is_whole {
            Ok(scrape)
        } else {
            Err(format!("{scrape}\n{demo:?}"))
        }
    });
    let count = |name: &str, labels: &[(&str, &str)]| scrape.count(name, labels);
    let failures = |reason: &str| {
        let labels = [upstream[0], ("reason", reason)];
        count("whatsapp_exporter_relay_failures_total", &labels)
    };
    assert!(count("whatsapp_exporter_relay_deliveries_total", &upstream) > 100.0);
    assert!(failures("unavailable") > 0.0, "it was down for a moment");
    // A delivery with a wrong signature would be refused with a 4xx too: only the two in the story were refused.
    assert!(failures("client_error") <= 2.0 * 3.0, "{demo:?}");
    let rejected = [("result", "rejected")];
    assert_eq!(count("whatsapp_exporter_events_total", &rejected), 0.0);
}
