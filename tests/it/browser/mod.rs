//! The status page in a browser: nothing is refused by its own policy, nothing is too wide for a telephone,
//! nothing overlaps, and every text can be read by day and by night.

mod chromium;

use chromium::{Measured, Scheme, measure, open};
use whatsapp_business_exporter::simulator::change::Change;
use whatsapp_business_exporter::simulator::world::{PhoneNumber, Template};

use crate::exporter::meta::{Exporter, NUMBER, SELDOM, TEMPLATE, WABA, small_world};

const TELEPHONE: u32 = 360;
const DESK: u32 = 1_200;

/// A small world with names that fit nowhere, a flag, and a template in trouble.
async fn crowded() -> Exporter {
    let world = small_world()
        .with_phone_number(
            WABA,
            PhoneNumber::new("900100200300409", "+1 555-010-0109", &"W".repeat(200)),
        )
        .with_template(
            WABA,
            Template::new("7001002003004009", &"offer_".repeat(60)),
        );
    let exporter = Exporter::watching(world, SELDOM).await;
    let changes = [
        Change::NumberFlagged {
            phone_number_id: NUMBER.into(),
        },
        Change::TemplateDisabled {
            template_id: TEMPLATE.into(),
        },
        Change::TemplateDisabled {
            template_id: "7001002003004009".into(),
        },
    ];
    for change in changes {
        exporter.meta.change(change).expect("the node is there");
    }
    exporter.meta.settled().await;
    exporter
}

/// Beside the exporter, which answers meanwhile.
async fn aside<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.expect("the browser does its work")
}

fn assert_readable(measured: &Measured, width: u32) {
    assert_eq!(measured.width, width);
    assert!(measured.texts > 40, "only {} texts", measured.texts);
    assert!(measured.complaints.is_empty(), "{:#?}", measured.complaints);
}

#[tokio::test]
async fn the_page_is_shown_and_nothing_of_it_is_refused() {
    let exporter = crowded().await;
    let address = format!("{}/", exporter.url);
    let seen = aside(move || open(&address, Scheme::Light)).await;
    assert!(seen.dom.contains("flagged; Meta acts in"), "{}", seen.dom);
    assert!(seen.dom.contains("<svg"), "{}", seen.dom);
    assert!(seen.console.is_empty(), "{:#?}", seen.console);
}

#[tokio::test]
async fn it_is_readable_on_a_telephone_and_at_a_desk_by_day_and_by_night() {
    let page = crowded().await.get("/").await;
    let mut grounds = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        for width in [TELEPHONE, DESK] {
            let page = page.clone();
            let measured = aside(move || measure(&page, width, scheme)).await;
            assert_readable(&measured, width);
            grounds.push(measured.ground);
        }
    }
    assert_eq!(grounds[0], grounds[1], "by day");
    assert_eq!(grounds[2], grounds[3], "by night");
    assert_ne!(grounds[0], grounds[2], "the night is another colour");
}

#[tokio::test]
async fn the_browser_and_the_measure_see_what_is_wrong() {
    let refused = "data:text/html,<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><style>p{color:red}</style>";
    let seen = aside(move || open(refused, Scheme::Light)).await;
    assert_eq!(seen.console.len(), 1, "{:#?}", seen.console);
    let bad = "<!doctype html><body style=\"margin:0;background:#fff\">\
               <p style=\"width:500px\">wide</p><p style=\"color:#999\">pale</p>\
               <p style=\"position:absolute;top:0\">above</p><p style=\"position:absolute;top:0\">another</p>";
    let measured = aside(move || measure(bad, TELEPHONE, Scheme::Light)).await;
    for complaint in [
        "wider than the page: P ",
        "scrolls sideways",
        "contrast 2.85: pale",
        "overlap: above / another",
    ] {
        let is_told = measured.complaints.iter().any(|one| one == complaint);
        assert!(is_told, "{complaint}: {:?}", measured.complaints);
    }
}
