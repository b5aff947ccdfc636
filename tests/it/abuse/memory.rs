//! Unlimited numbers of objects: invented ids in signed webhooks, and listings of a Graph API that is not Meta's. Memory
//! and disk stay bounded, objects that polls have listed stay, and counters report the rejected ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use whatsapp_business_exporter::domain::ceiling;

use super::{PATIENCE, Target, is_within_its_memory, peak_mib};
use crate::http::{metrics, until_metric};
use crate::process::{program, until};
use crate::support::measured;
use crate::support::scrape::Scrape;

const WABA: &str = "800100200300401";

/// What invented objects may add to the store, in MiB: a thousand templates and a hundred numbers of an account,
/// the delivery keys of each window, and a write-ahead log.
const MOST_DISK_MIB: u64 = 96;

/// Changes in a delivery: as many as fit into 3 MB.
const CHANGES: usize = 15_000;

fn template_change(id: u64) -> String {
    format!(
        r#"{{"field":"message_template_status_update","value":{{"event":"APPROVED","message_template_id":{id},"message_template_name":"offer_{id}","message_template_language":"en_US","reason":"NONE"}}}}"#
    )
}

/// A message from another customer to another number each time.
fn message_change(id: u64) -> String {
    format!(
        r#"{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{id}"}},"messages":[{{"from":"1555{id}","id":"wamid.{id}","timestamp":"1774000000","type":"text"}}]}}}}"#
    )
}

fn delivery(number: u64, change: impl Fn(u64) -> String) -> Vec<u8> {
    let first = 7_770_000_000_000 + number * CHANGES as u64;
    let changes: Vec<String> = (first..).take(CHANGES).map(change).collect();
    let changes = changes.join(",");
    let time = 1_774_000_000 + number;
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":{time},"changes":[{changes}]}}]}}"#
    )
    .into_bytes()
}

fn mib_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder");
    let sizes = files.map(|file| file.and_then(|file| file.metadata()).expect("a file").len());
    sizes.sum::<u64>() / (1024 * 1024)
}

/// The ids of an account's templates on `/metrics`.
fn templates(scrape: &Scrape) -> Vec<String> {
    let infos = scrape
        .0
        .lines()
        .filter(|line| line.starts_with("whatsapp_message_template_info{"));
    let ids = infos.filter_map(|line| line.split_once("template_id=\"")?.1.split('"').next());
    ids.map(ToOwned::to_owned).collect()
}

fn refused(scrape: &Scrape, kind: &str) -> f64 {
    let name = "whatsapp_exporter_objects_refused_total";
    scrape
        .value(name, &[("waba_id", WABA), ("kind", kind)])
        .unwrap_or_default()
}

/// So many deliveries of invented templates, and one of invented numbers for each four of them.
async fn invent(deliveries: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("state.db");
    let target = Target::start(&[&format!("--store.url=sqlite:{}", store.display())]);
    until_metric(target.address, "whatsapp_message_template_info");
    let read = || Scrape(metrics(target.address).expect("it answers"));
    let listed = templates(&read());
    let before = mib_in(folder.path());
    for number in 0..deliveries {
        assert_eq!(target.deliver(delivery(number, template_change)).await, 200);
        if number % 4 == 0 {
            assert_eq!(target.deliver(delivery(number, message_change)).await, 200);
        }
    }
    let invented = (deliveries * CHANGES as u64) as f64;
    let scrape = read();
    let kept = ceiling::UNLISTED_TEMPLATES as f64;
    assert_eq!(refused(&scrape, "template"), invented - kept);
    let numbers = (deliveries.div_ceil(4) * CHANGES as u64) as f64;
    let kept = ceiling::UNLISTED_NUMBERS as f64;
    assert_eq!(refused(&scrape, "phone_number"), numbers - kept);
    let shown = templates(&scrape);
    assert!(
        listed.iter().all(|id| shown.contains(id)),
        "a listed template is gone"
    );
    target.is_well(1).await;
    let disk = mib_in(folder.path()) - before;
    let memory = peak_mib(&target.exporter);
    measured(&format!(
        "{invented} templates and {numbers} numbers: {memory} MiB of memory, {disk} MiB of disk"
    ));
    target.is_within_its_memory();
    assert!(disk < MOST_DISK_MIB, "{disk} MiB of disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_ids_in_signed_webhooks_have_a_ceiling() {
    invent(2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; docs/development.md has its command"]
async fn half_a_million_invented_ids_in_signed_webhooks_have_a_ceiling() {
    invent(34).await;
}

/// A Graph API that first lists one number, and then without end.
struct Endless {
    /// Objects on a page.
    per_page: usize,
    listings: AtomicUsize,
    pages: AtomicUsize,
}

async fn answer(State(endless): State<Arc<Endless>>, uri: Uri) -> String {
    let id = format!(r#"{{"id":"{WABA}","name":"Fern"}}"#);
    if !uri.path().ends_with("/phone_numbers") {
        let is_list = uri.path().ends_with("/message_templates");
        return if is_list {
            r#"{"data":[]}"#.to_owned()
        } else {
            id
        };
    }
    let is_first_page = !uri.query().unwrap_or_default().contains("after=");
    if is_first_page && endless.listings.fetch_add(1, Ordering::Relaxed) == 0 {
        // With the limit, so that the page is not requested again for its deprecated form.
        let known = r#"{"id":"900100200300400","display_phone_number":"+1 555-010-0199","whatsapp_business_manager_messaging_limit":"TIER_2K"}"#;
        return format!(r#"{{"data":[{known}]}}"#);
    }
    let page = endless.pages.fetch_add(1, Ordering::Relaxed);
    let first = 5_000_000_000_000 + page * endless.per_page;
    let objects: Vec<String> = (first..)
        .take(endless.per_page)
        .map(|id| format!(r#"{{"id":"{id}"}}"#))
        .collect();
    let (objects, next) = (objects.join(","), "https://graph.example/next");
    format!(r#"{{"data":[{objects}],"paging":{{"cursors":{{"after":"{page}"}},"next":"{next}"}}}}"#)
}

/// Listings with pages of this size are read up to a limit, and the poll reports why it stopped.
async fn list_without_end(per_page: usize, reason: &'static str) {
    let (listings, pages) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let endless = Arc::new(Endless {
        per_page,
        listings,
        pages,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let graph = listener.local_addr().expect("an address");
    let app = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&endless));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let variables = [
        ("WHATSAPP_ACCESS_TOKEN", "a-token"),
        ("WHATSAPP_APP_SECRET", "a-secret"),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "a-verify-token"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", WABA),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base_url = format!("--graph.base-url=http://{graph}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.yml");
    std::fs::write(&config, "poll: {numbers_interval: 1s}\n").expect("a file");
    let config = format!("--config.file={}", config.display());
    let flags = [
        "serve",
        &base_url,
        &config,
        "--web.listen-address=127.0.0.1:0",
    ];
    let exporter = program(&flags, &variables);
    let address = exporter.address_after("the status page address=");
    until_metric(address, "whatsapp_phone_number_info");
    let failure = [("collector", "numbers"), ("reason", reason)];
    let scrape = tokio::task::spawn_blocking(move || {
        until("a poll that fails", PATIENCE, || {
            let scrape = Scrape(metrics(address)?);
            let is_shown = scrape.value("whatsapp_exporter_poll_failure", &failure) == Some(1.0);
            if is_shown { Ok(scrape) } else { Err(scrape.0) }
        })
    });
    let scrape = scrape.await.expect("no panic");
    let up = [("waba_id", WABA), ("collector", "numbers")];
    assert_eq!(scrape.value("whatsapp_exporter_poll_up", &up), Some(0.0));
    let known = [("phone_number_id", "900100200300400")];
    assert_eq!(
        scrape.value("whatsapp_phone_number_info", &known),
        Some(1.0),
        "what was known stays"
    );
    let shown = scrape.how_many("whatsapp_phone_number_info", &[]);
    assert!(shown <= 1 + ceiling::NUMBERS, "{shown} numbers");
    let memory = peak_mib(&exporter);
    measured(&format!("pages of {per_page}: {memory} MiB of memory"));
    is_within_its_memory(&exporter);
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_listing_is_cut_and_removes_nothing() {
    list_without_end(100, "too_many_objects").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_million_values_is_not_read_at_all() {
    // Some 14 MB, less than `graph.max_answer_bytes`.
    list_without_end(600_000, "too_large").await;
}
