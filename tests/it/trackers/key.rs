//! The key of the customer hashes stays the same when apps are reordered and secrets are rotated. Another key ends the
//! open conversations, and a metric reports it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::ingest::CustomerKey;

use super::durable::{CUSTOMER, inbound, sent, series};
use crate::exporter::meta::{Exporter, SELDOM, WABA, small_world};

const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";
const THIRD: &str = "00112233445566778899aabbccddeeff";

/// A store in a folder, and how many seconds ago its customer wrote.
struct Case {
    folder: tempfile::TempDir,
    began: i64,
}

impl Case {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            // Some hours ago, so that everything is settled at once.
            began: clock::now().as_millis() / 1000 - 10_000,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An exporter of these apps, given as (name, secret).
    async fn exporter(&self, apps: &[(&str, &str)], trackers: &str) -> Exporter {
        let app = |(name, secret): &(&str, &str)| {
            format!(
                "  - {{name: {name}, access_token: EAAG{name}, app_secret: {secret}, \
                 webhook_verify_token: v, accounts: [{WABA}]}}\n"
            )
        };
        let apps: String = apps.iter().map(app).collect();
        let file = format!(
            "poll: {{numbers_interval: {SELDOM}, account_interval: {SELDOM}, templates_interval: {SELDOM}}}\n\
             {trackers}apps:\n{apps}"
        );
        let store = format!("sqlite:{}", self.path("state.db").display());
        let exporter = Exporter::stored(small_world(), &file, &store).await;
        // It responds after the start. An earlier stop would end the start.
        exporter.get("/-/healthy").await;
        exporter
    }

    /// The customer writes.
    async fn ask(&self, exporter: &Exporter, secret: &str) {
        exporter
            .accept(inbound(CUSTOMER, "wamid.A", self.began), secret)
            .await;
        exporter.until(waiting(), 1.0).await;
    }

    /// The customer is answered, and no longer waits.
    async fn answer(&self, exporter: &Exporter, secret: &str) {
        assert_eq!(exporter.value(&waiting()).await, Some(1.0));
        exporter
            .accept(sent(CUSTOMER, "wamid.B", self.began + 90), secret)
            .await;
        exporter.until(waiting(), 0.0).await;
        assert_eq!(exporter.value(DROPPED).await, Some(0.0));
    }

    /// The store of an older version, without a key.
    async fn forget_the_key(&self) {
        fs::remove_file(self.path("state.db.key")).expect("it is there");
        let options = SqliteConnectOptions::new().filename(self.path("state.db"));
        let connection = SqliteConnection::connect_with(&options).await;
        let mut connection = connection.expect("the file is there");
        let forgotten = connection.execute("UPDATE commits SET customer_key = NULL");
        forgotten.await.expect("good SQL");
        connection.close().await.expect("in good order");
    }
}

const DROPPED: &str = "whatsapp_exporter_customer_key_dropped_conversations";

fn waiting() -> String {
    series("whatsapp_conversations_waiting", "")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn conversations_outlive_other_apps_and_secrets() {
    let case = Case::new();
    let exporter = case.exporter(&[("one", FIRST), ("two", SECOND)], "").await;
    case.ask(&exporter, FIRST).await;
    exporter.stopped().await;
    let key = fs::read(case.path("state.db.key")).expect("a key");
    assert_eq!((key.len(), mode(&case.path("state.db.key"))), (65, 0o600));

    let exporter = case.exporter(&[("two", THIRD), ("one", SECOND)], "").await;
    case.answer(&exporter, THIRD).await;
    exporter.stopped().await;
    assert_eq!(fs::read(case.path("state.db.key")).expect("a key"), key);
}

#[tokio::test]
async fn the_key_of_an_older_version_is_imported_once() {
    let case = Case::new();
    let derived = CustomerKey::from_app_secret(&FIRST.into()).file_text();
    let derived = secrecy::ExposeSecret::expose_secret(&derived).to_owned();
    fs::write(case.path("state.db.key"), &derived).expect("room");
    let exporter = case.exporter(&[("one", FIRST), ("two", SECOND)], "").await;
    case.ask(&exporter, SECOND).await;
    exporter.stopped().await;
    case.forget_the_key().await;

    let exporter = case.exporter(&[("one", FIRST), ("two", SECOND)], "").await;
    exporter.stopped().await;
    let key = fs::read_to_string(case.path("state.db.key")).expect("a key");
    assert_eq!((key, mode(&case.path("state.db.key"))), (derived, 0o600));

    let exporter = case.exporter(&[("two", THIRD), ("one", SECOND)], "").await;
    case.answer(&exporter, SECOND).await;
    exporter.stopped().await;
}

#[tokio::test]
async fn a_store_without_conversations_gets_a_key_that_depends_on_no_secret() {
    let case = Case::new();
    let exporter = case.exporter(&[("one", FIRST)], "").await;
    exporter.stopped().await;
    case.forget_the_key().await;
    case.exporter(&[("one", FIRST)], "").await.stopped().await;
    let key = fs::read(case.path("state.db.key")).expect("a key");
    let key = CustomerKey::parse(&key).expect("a key");
    let derived = CustomerKey::from_app_secret(&FIRST.into());
    assert_ne!(key.check_value(), derived.check_value());
}

#[tokio::test]
async fn another_key_ends_the_open_conversations_and_reports_it() {
    let case = Case::new();
    let exporter = case.exporter(&[("one", FIRST)], "").await;
    case.ask(&exporter, FIRST).await;
    exporter.stopped().await;
    // Lost, then replaced by hand.
    fs::remove_file(case.path("state.db.key")).expect("it is there");
    for dropped in [1.0, 1.0] {
        let exporter = case.exporter(&[("one", FIRST)], "").await;
        assert_eq!(exporter.value(DROPPED).await, Some(dropped));
        assert_eq!(exporter.value(&waiting()).await, Some(0.0));
        // Later events are measured as before.
        let again = inbound(
            CUSTOMER,
            &format!("wamid.{}", exporter.url),
            case.began + 100,
        );
        exporter.accept(again, FIRST).await;
        exporter.until(waiting(), 1.0).await;
        exporter.stopped().await;
        // It is not dropped again as long as the key stays.
        let exporter = case.exporter(&[("one", FIRST)], "").await;
        assert_eq!(exporter.value(DROPPED).await, Some(0.0));
        assert_eq!(exporter.value(&waiting()).await, Some(1.0));
        exporter.stopped().await;
        let other = CustomerKey::generate().expect("random numbers").file_text();
        let other = secrecy::ExposeSecret::expose_secret(&other).replace('\n', "\r\n");
        fs::write(case.path("state.db.key"), other).expect("room");
    }
}

#[tokio::test]
async fn the_key_may_be_kept_elsewhere() {
    let case = Case::new();
    let elsewhere = case.path("customers");
    let trackers = format!("trackers: {{key_file: {}}}\n", elsewhere.display());
    let exporter = case.exporter(&[("one", FIRST)], &trackers).await;
    case.ask(&exporter, FIRST).await;
    exporter.stopped().await;
    assert!(!case.path("state.db.key").exists());
    assert_eq!(mode(&elsewhere), 0o600);
    // Moved next to the store, the default place.
    fs::rename(&elsewhere, case.path("state.db.key")).expect("it is there");
    let exporter = case.exporter(&[("one", SECOND)], "").await;
    case.answer(&exporter, SECOND).await;
    exporter.stopped().await;
}
