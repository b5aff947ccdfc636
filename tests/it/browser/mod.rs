//! The status page in a browser: its content security policy blocks nothing of it, nothing is too wide for a telephone,
//! nothing overlaps, and every text is legible in light and dark mode.

mod chromium;
mod fleet;

use chromium::{Scheme, measure, open};
use serde_json::{Value, json};
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::world::{PhoneNumber, Template};

use crate::exporter::meta::{
    Exporter, NUMBER, OFTEN, SELDOM, TEMPLATE, WABA, config_file, small_world,
};
use crate::support::assert_none;

const TELEPHONE: u32 = 360;

/// Widths from the smallest phone to a desktop, and those around the layout breakpoints.
fn widths() -> Vec<u32> {
    let around = |point: u32| [point - 1, point, point + 1];
    let mut widths: Vec<u32> = (320..=1_400).step_by(20).collect();
    widths.extend([576, 768, 1_024].map(around).concat());
    widths
}

/// A small world with overlong names, Meta's longest constants, and a problem with every object.
async fn crowded() -> Exporter {
    let mut world = small_world()
        .with_phone_number(
            WABA,
            PhoneNumber::new("900100200300409", "+1 555-010-0109", &"W".repeat(200)),
        )
        .with_phone_number(
            WABA,
            PhoneNumber::new(
                "900100200300408",
                "+1 555-010-0108",
                "Donaudampfschifffahrtsgesellschaftskapitän GmbH & Co. KG",
            ),
        );
    let names = [
        "offer_".repeat(60),
        "w".repeat(512),
        "order_confirmation_with_tracking_link_v2".to_owned(),
        "otp".to_owned(),
        "summer".to_owned(),
        "autumn".to_owned(),
    ];
    for (which, name) in names.iter().enumerate() {
        let mut template = Template::new(&format!("700100200300400{which}"), name);
        template.category = "AUTHENTICATION".into();
        world = world.with_template(WABA, template);
    }
    let exporter = Exporter::watching(world, SELDOM).await;
    for change in what_is_wrong() {
        exporter.meta.change(change).expect("the node is there");
    }
    exporter.meta.settled().await;
    let polls = exporter.file.clone();
    polls.write(&config_file(OFTEN, &[WABA]));
    // A shorter interval polls at once, so that data without webhooks is on the page too.
    assert_eq!(exporter.reload().await.0, 200);
    let gone = format!(
        r#"whatsapp_phone_number_status{{waba_id="{WABA}",phone_number_id="900100200300409",status="DISCONNECTED"}}"#
    );
    exporter.until(gone, 1.0).await;
    exporter
}

fn what_is_wrong() -> Vec<WorldChange> {
    let status = |number: &str, status: &str| json!({"change": "number_status_changed", "phone_number_id": number, "status": status});
    let calling = "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING";
    let mut changes = vec![
        json!({"change": "number_flagged", "phone_number_id": NUMBER}),
        json!({"change": "template_disabled", "template_id": TEMPLATE}),
        status("900100200300409", "DISCONNECTED"),
        status("900100200300408", "RATE_LIMITED"),
        json!({"change": "account_event", "waba_id": WABA, "event": "PARTNER_APP_UNINSTALLED"}),
        json!({"change": "account_restricted", "waba_id": WABA, "restrictions": [{"restriction_type": calling}]}),
    ];
    let events = [
        "PENDING_DELETION",
        "LIMIT_EXCEEDED",
        "IN_APPEAL",
        "PENDING",
        "DISABLED",
    ];
    changes.extend(events.iter().enumerate().map(|(which, event)| {
        let template_id = format!("700100200300400{which}");
        json!({"change": "template_event", "template_id": template_id, "event": event})
    }));
    changes.iter().map(from_json).collect()
}

fn from_json(change: &Value) -> WorldChange {
    serde_json::from_value(change.clone()).unwrap_or_else(|error| panic!("{change}: {error}"))
}

/// Runs the browser in a thread, so that the exporter can respond.
async fn aside<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.expect("the browser does its work")
}

#[tokio::test]
async fn the_page_is_shown_and_nothing_of_it_is_refused() {
    let exporter = crowded().await;
    let address = format!("{}/", exporter.url);
    let seen = aside(move || open(&address, Scheme::Light)).await;
    assert!(
        seen.dom.contains("flagged; Meta takes action in"),
        "{}",
        seen.dom
    );
    assert!(seen.dom.contains("<svg"), "{}", seen.dom);
    assert!(seen.console.is_empty(), "{:#?}", seen.console);
}

#[tokio::test]
async fn it_is_readable_at_every_width_in_light_and_dark_mode() {
    let page = crowded().await.get("/").await;
    let mut grounds = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        let page = page.clone();
        let measured = aside(move || measure(&page, &widths(), scheme)).await;
        for (one, width) in measured.iter().zip(widths()) {
            assert_eq!(one.width, width);
            assert!(one.texts > 80, "only {} texts", one.texts);
            assert_eq!(one.ground, measured[0].ground, "at {width}");
        }
        let complaints = measured.iter().filter(|one| !one.complaints.is_empty());
        let complaints: Vec<String> = complaints
            .map(|one| format!("{scheme:?} {}: {:?}", one.width, one.complaints))
            .collect();
        assert_none(&complaints);
        grounds.push(measured[0].ground.clone());
    }
    assert_ne!(grounds[0], grounds[1], "the night is another colour");
}

#[tokio::test]
async fn the_browser_and_the_measure_find_defects() {
    // A file, because Chromium does not log refused resources of data: URLs.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = folder.path().join("refused.html");
    let policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">";
    std::fs::write(&refused, format!("{policy}<style>p{{color:red}}</style>")).expect("room");
    let refused = format!("file://{}", refused.display());
    let seen = aside(move || open(&refused, Scheme::Light)).await;
    assert_eq!(seen.console.len(), 1, "{:#?}", seen.console);
    let bad = "<!doctype html><body style=\"margin:0;background:#fff\">\
               <p style=\"width:500px\">wide</p><p style=\"color:#999\">pale</p>\
               <p style=\"position:absolute;top:0\">above</p><p style=\"position:absolute;top:0\">another</p>\
               <p class=badge style=\"width:2em;overflow-wrap:anywhere\">AVAILABLE</p>\
               <p style=\"width:7em;overflow-wrap:anywhere\">is RATE_<wbr>LIMITED and</p>\
               <p style=\"width:2em;overflow-wrap:anywhere\"><bdi>SOMEBODY</bdi></p>";
    let measured = aside(move || measure(bad, &[TELEPHONE, 1_200], Scheme::Light)).await;
    let measured = &measured[0];
    for complaint in [
        "wider than the page: P ",
        "scrolls sideways",
        "contrast 2.85: pale",
        "overlap: above / another",
        "broken word: AVAILABLE",
    ] {
        let is_told = measured.complaints.iter().any(|one| one == complaint);
        assert!(is_told, "{complaint}: {:?}", measured.complaints);
    }
    let broken = measured
        .complaints
        .iter()
        .filter(|one| one.starts_with("broken"));
    assert_eq!(broken.count(), 1, "{:?}", measured.complaints);
}
