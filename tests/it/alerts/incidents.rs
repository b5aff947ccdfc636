//! One page for each cause, on a real Prometheus and a real Alertmanager: a network that breaks under many accounts, and
//! an exporter that another one replaces.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber, World};

use super::chain::Chain;
use super::pages::Page;
use crate::exporter::meta::{Exporter, NUMBER, OFTEN, small_world};

/// Seconds for minutes.
const TIMES: f64 = 60.0;

/// Longer than every wait between a condition and its page: the longest `for` of a critical alert, 15 minutes, and the
/// waits of a group.
const QUIET: Duration = Duration::from_secs(25);

/// The same for the replaced exporter. Prometheus looks back 5 minutes, which is 15 s here: on a busy machine, the first
/// scrape of the new exporter comes later than a few seconds.
const SLOWER_TIMES: f64 = 20.0;
const LONGER_QUIET: Duration = Duration::from_secs(75);

const ACCOUNTS: usize = 30;

const UNREACHABLE: &str = "WhatsAppGraphUnreachable";

/// Seconds after which data is stale here, which is an hour by default.
const STALE: &str = "40";

/// An hour is too long for a test, and a threshold is not shortened as durations are.
fn stale_sooner(rules: &Path) {
    let path = rules.join("exporter.yml");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let (before, rule) = text
        .split_once("alert: WhatsAppDataStale\n")
        .expect("the alert");
    assert!(rule.contains("> 3600"), "the threshold has moved");
    let rule = rule.replacen("> 3600", &format!("> {STALE}"), 1);
    std::fs::write(&path, format!("{before}alert: WhatsAppDataStale\n{rule}"))
        .expect("the folder is ours");
}

/// Alert names and statuses, for error messages.
fn names(pages: &[Page]) -> Vec<String> {
    let alerts = pages
        .iter()
        .filter_map(|page| page.body["alerts"].as_array());
    let name = |one: &Value| format!("{} {}", one["labels"]["alertname"], one["status"]);
    alerts.flatten().map(name).collect()
}

/// Notifications about accounts, phone numbers or Meta. Alerts about the exporter itself may fire on a busy machine.
fn about_meta(mut pages: Vec<Page>) -> Vec<Page> {
    let is_about_meta = |alert: &Value| {
        let labels = &alert["labels"];
        labels["alertname"] == UNREACHABLE || labels["waba_id"].is_string()
    };
    pages.retain(|page| {
        let alerts = page.body["alerts"].as_array();
        alerts.is_some_and(|alerts| alerts.iter().any(is_about_meta))
    });
    pages
}

fn many_accounts() -> World {
    (0..ACCOUNTS).fold(World::empty(), |world, index| {
        let account = (800_100_200_300_000 + index).to_string();
        let number = (900_100_200_300_000 + index).to_string();
        let name = format!("Shop {index}");
        world
            .with_account(Account::new(&account, &name))
            .with_phone_number(
                &account,
                PhoneNumber::new(&number, "+1 555-010-0100", &name),
            )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_network_is_one_page_for_thirty_accounts() {
    let exporter = Exporter::watching(many_accounts(), "5s").await;
    let chain = Chain::with_rules(exporter.address(), TIMES, stale_sooner);
    tokio::task::block_in_place(|| {
        chain.until("count(whatsapp_exporter_poll_up == 1) >= 90");
        exporter.meta.fault(None, None, Fault::ServerErrorPage);
        chain.until_received("pager", "firing", UNREACHABLE);
        let stale = format!(
            "count(ALERTS{{alertname=\"WhatsAppDataStale\", alertstate=\"firing\"}}) >= {ACCOUNTS}"
        );
        chain.until(&stale);
        std::thread::sleep(QUIET);
        let received = about_meta(chain.received());
        assert_eq!(received.len(), 1, "while it lasts: {:?}", names(&received));

        exporter.meta.clear_faults();
        chain.until("count(whatsapp_exporter_poll_up == 1) >= 90");
        chain.until_received("pager", "resolved", UNREACHABLE);
        std::thread::sleep(QUIET);
        let received = about_meta(chain.received());
        let (firing, resolved): (Vec<_>, Vec<_>) = received
            .into_iter()
            .partition(|page| page.body["status"] == "firing");
        assert_eq!(
            (firing.len(), resolved.len()),
            (1, 1),
            "afterwards: {:?}",
            names(&firing)
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_exporter_repeats_no_notification() {
    let in_trouble = || {
        [
            WorldChange::QualityRatingChanged {
                phone_number_id: NUMBER.to_owned(),
                quality_rating: "RED".to_owned(),
            },
            WorldChange::NumberFlagged {
                phone_number_id: NUMBER.to_owned(),
            },
        ]
    };
    let old = Exporter::watching(small_world(), OFTEN).await;
    let chain = Chain::over(old.address(), SLOWER_TIMES);
    let up = |exporter: &Exporter| {
        let instance = exporter.address();
        format!("whatsapp_phone_number_flagged{{instance=\"{instance}\"}} == 1")
    };
    // Another pod with the same store: the same states, and counters that continue or start at 0.
    let new = Exporter::watching(small_world(), OFTEN).await;
    tokio::task::block_in_place(|| {
        for exporter in [&old, &new] {
            for change in in_trouble() {
                exporter.meta.change(change).expect("the number is there");
            }
        }
        chain.until(&up(&old));
        chain.until_received("pager", "firing", "WhatsAppNumberQualityLow");
        chain.until_received("chat", "firing", "WhatsAppNumberFlagged");
        std::thread::sleep(LONGER_QUIET);
        let before = about_meta(chain.received());

        chain.watch_instead(new.address());
        chain.until(&up(&new));
        chain.until("count(up) == 1");
        std::thread::sleep(LONGER_QUIET);
        let after = about_meta(chain.received()).split_off(before.len());
        assert!(after.is_empty(), "notified anew: {:?}", names(&after));
    });
}
