//! The state that an older version has saved is still read. The fixture is never replaced, only extended.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{Kind, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{
    DeliveryKey, DisplayDigits, Event, Fact, Listing, PhoneNumberId, Source, TemplateId, Timestamp,
    WabaId, number, template,
};
use whatsapp_business_exporter::store::{Location, Store};

use crate::support::scrape::Scrape;
use crate::support::store::opened;
use crate::support::text_at;

const SAVED: &str = include_str!("../../fixtures/store/saved_by_0.1.0.sql");

const WABA: &str = "800100200300403";

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/sqlite/migrations");

const CUSTOMERS: &str = include_str!("../../fixtures/store/customers_of_schema_13.sql");

/// The key of one of the messages in [`CUSTOMERS`].
const APPLIED: DeliveryKey = DeliveryKey(0x203a_771e_87ae_aaa4_9791_236e_ea33_9ff4);

async fn open(path: &Path) -> Store {
    let location = Location::File(path.to_owned());
    let year = Duration::from_secs(365 * 86_400);
    opened(&location, year).await
}

pub async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    let options = options.create_if_missing(true);
    let connection = SqliteConnection::connect_with(&options).await;
    connection.expect("a file")
}

/// A store as an older version has left it, with the migrations up to `schema`.
pub async fn write_older(path: &Path, schema: i64, saved: &[&'static str]) {
    let mut connection = connect(path).await;
    let mut older = Migrator::new(Path::new(MIGRATIONS)).await.expect("files");
    let known = older.iter().filter(|one| one.version <= schema).cloned();
    older.migrations = known.collect::<Vec<_>>().into();
    older.run(&mut connection).await.expect("good SQL");
    for sql in saved {
        connection.execute(*sql).await.expect("good SQL");
    }
    connection.close().await.expect("in good order");
}

/// Replaces the times in [`CUSTOMERS`].
async fn redate_customers(path: &Path, to: Timestamp) {
    let mut connection = connect(path).await;
    for table in ["traffic", "conversations", "recipients"] {
        let update = format!(
            "UPDATE {table} SET state = \
             replace(replace(state, '1795442700000', '{to}'), '1795442701000', '{to}')",
            to = to.as_millis()
        );
        let update = sqlx::query(sqlx::AssertSqlSafe(update)).execute(&mut connection);
        assert!(
            update.await.expect("good SQL").rows_affected() > 0,
            "{table}"
        );
    }
    connection.close().await.expect("in good order");
}

/// The same, migrated by opening it.
async fn older_store(path: &Path, schema: i64, saved: &[&'static str]) -> Store {
    write_older(path, schema, saved).await;
    let store = open(path).await;
    let accounts = BTreeSet::from([WabaId::parse(WABA).expect("digits")]);
    store.watch(accounts).await.expect("a readable account");
    store
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
async fn an_account_in_trouble_is_shown_as_it_was_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = older_store(&folder.path().join("state.db"), 1, &[SAVED]).await;
    let now = Timestamp::from_seconds(1_795_442_800);
    let scrape = Scrape(text_at(&store.snapshot(), now));
    for (name, label, value, expected) in [
        (
            "phone_number_flagged",
            "phone_number_id",
            "900100200300421",
            1.0,
        ),
        (
            "phone_number_messaging_limit",
            "phone_number_id",
            "900100200300421",
            2_000.0,
        ),
        ("message_template_status", "status", "REJECTED", 1.0),
        (
            "message_template_paused_until_timestamp_seconds",
            "template_id",
            "70010020030070136",
            1_795_453_557.0,
        ),
        (
            "message_template_disable_scheduled_timestamp_seconds",
            "template_id",
            "70010020030069271",
            1_795_529_195.0,
        ),
        ("message_template_rejections_total", "reason", "SCAM", 1.0),
        (
            "message_template_status_events_total",
            "event",
            "PAUSED",
            1.0,
        ),
        (
            "business_account_violations_total",
            "violation_type",
            "SCAM",
            1.0,
        ),
        (
            "business_account_ban_state",
            "state",
            "SCHEDULE_FOR_DISABLE",
            1.0,
        ),
        (
            "business_account_restriction_expires_timestamp_seconds",
            "waba_id",
            WABA,
            1_900_000_000.0,
        ),
    ] {
        let name = format!("whatsapp_{name}");
        assert_eq!(
            scrape.value(&name, &[(label, value)]),
            Some(expected),
            "{name}"
        );
    }
    let waiting = DisplayDigits::parse("15550100199").expect("digits");
    let account = &store.snapshot()[&WabaId::parse(WABA).expect("digits")];
    assert!(
        serde_json::to_string(account.as_ref())
            .expect("JSON")
            .contains(waiting.as_str())
    );
    store.close().await;
}

#[tokio::test]
async fn an_account_that_is_refreshed_after_the_upgrade_is_read_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let mut store = older_store(&path, 1, &[SAVED]).await;
    let waba_id = WabaId::parse(WABA).expect("digits");
    let ids = ["900100200300421", "900100200300422"].map(PhoneNumberId::parse);
    for day in 1..3 {
        let listing = Listing {
            objects: ids
                .iter()
                .flatten()
                .cloned()
                .map(number::Snapshot::new)
                .collect(),
            complete: true,
        };
        let listed = Event {
            waba_id: waba_id.clone(),
            observed_at: Timestamp::from_seconds(1_795_442_800 + day * 86_400),
            source: Source::Poll,
            fact: Fact::NumbersListed(listing),
        };
        store.commit(vec![listed]).await.expect("a sound store");
        let known = store.snapshot();
        assert_eq!(known[&waba_id].numbers().count(), 2);
        store.close().await;
        drop(store);
        store = open(&path).await;
        let watched = BTreeSet::from([waba_id.clone()]);
        store.watch(watched).await.expect("a readable account");
        assert_eq!(store.snapshot(), known);
    }
    store.close().await;
}

#[tokio::test]
async fn customers_and_delivery_keys_with_a_row_each_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    write_older(&path, 13, &[SAVED, CUSTOMERS]).await;
    // Customers are deleted after some days.
    let now = clock::now();
    redate_customers(&path, now.minus(Duration::from_secs(100))).await;
    let store = open(&path).await;
    let waba_id = WabaId::parse(WABA).expect("digits");
    let accounts = BTreeSet::from([waba_id.clone()]);
    store.watch(accounts).await.expect("a readable account");
    let is_complete = |store: &Store| {
        let scrape = Scrape(text_at(&store.snapshot(), now));
        let waiting = scrape.value(
            "whatsapp_conversations_waiting",
            &[("phone_number_id", "900100200300421")],
        );
        let account = store.account(&waba_id).expect("it is watched");
        let recipients = account
            .traffic()
            .map(|it| it.recipients().kept())
            .sum::<usize>();
        (waiting, recipients) == (Some(1.0), 2)
    };
    assert!(is_complete(&store));
    let repeated = Event {
        waba_id: waba_id.clone(),
        observed_at: now,
        source: Source::Webhook(APPLIED),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse("900100200300421").expect("digits"),
            received_at: now,
            recipient: None,
            update: Update::Received {
                from: None,
                kind: Kind::Text,
                context: MessageContext::default(),
            },
        }),
    };
    let changes = store.commit_with(vec![repeated], None).await;
    assert!(changes.expect("a sound store")[0].duplicate);
    store.close().await;
    // Its readers hold the lock of the file.
    drop(store);
    let store = open(&path).await;
    let accounts = BTreeSet::from([waba_id.clone()]);
    store.watch(accounts).await.expect("a readable account");
    assert!(is_complete(&store));
    store.close().await;
}

/// More accounts than one transaction moves, each with more templates than a page has: copies of the stored ones, as the
/// newest listing of the account has found them.
const MANY: &str = "
    INSERT INTO accounts
        WITH RECURSIVE copy(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM copy WHERE number < 24)
        SELECT printf('8002003004%05d', number), saved_ms,
            replace(state, '[1795442745305],\"last_complete\":1795442745305', '[1795442785000],\"last_complete\":1795442785000')
        FROM copy, accounts;
    INSERT INTO templates
        WITH RECURSIVE
            copy(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM copy WHERE number < 24),
            template(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM template WHERE number < 129)
        SELECT printf('8002003004%05d', copy.number), printf('7002003004%05d', template.number),
            json_set(state, '$.id', printf('7002003004%05d', template.number), '$.known_at', json('[1795442785000,false]'))
        FROM copy, template, (SELECT state FROM templates WHERE template_id = '70010020030070136');";

/// A listing of the templates in [`MANY`] that shows nothing new.
fn listed_again(waba_id: &WabaId, at: Timestamp) -> Event {
    let ids = (0..130).map(|number| format!("7002003004{number:05}"));
    let ids = ids.filter_map(|id| TemplateId::parse(&id));
    let listing = Listing {
        objects: ids.map(template::Snapshot::new).collect(),
        complete: true,
    };
    Event {
        waba_id: waba_id.clone(),
        observed_at: at,
        source: Source::Poll,
        fact: Fact::TemplatesListed(listing, template::Totals::default()),
    }
}

#[tokio::test]
async fn templates_of_many_accounts_are_moved_into_pages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    write_older(&path, 13, &[SAVED, MANY]).await;
    let copies = (0..25).map(|number| format!("8002003004{number:05}"));
    let accounts: BTreeSet<WabaId> = copies.filter_map(|id| WabaId::parse(&id)).collect();
    let now = clock::now();
    for second in 0..2 {
        let store = open(&path).await;
        store
            .watch(accounts.clone())
            .await
            .expect("readable accounts");
        for account in store.snapshot().values() {
            let paused = account
                .templates()
                .filter(|one| one.paused_until().is_some());
            assert_eq!(paused.count(), 130);
        }
        // Objects that a listing confirms are listed after a restart.
        let at = now.plus(Duration::from_secs(second));
        let listed = accounts.iter().map(|waba_id| listed_again(waba_id, at));
        let committed = store.commit(listed.collect()).await;
        committed.expect("a sound store");
        store.close().await;
        let mut connection = connect(&path).await;
        let rows = sqlx::query_as(
            "SELECT (SELECT count(*) FROM templates), (SELECT count(*) FROM template_pages)",
        );
        let rows: (i64, i64) = rows.fetch_one(&mut connection).await.expect("good SQL");
        assert_eq!(rows, (0, 25 * 3 + 1), "pages, and no older rows");
        connection.close().await.expect("in good order");
    }
}
