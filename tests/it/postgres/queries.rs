//! Statements: their number for a commit, and the query plans of pages of a large journal.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{Kind, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{ConversationKey, Event, Fact, RecipientKey, WabaId};
use whatsapp_business_exporter::store::{HistoryQuery, Location};

use super::options;
use crate::support::postgres::PostgresServer;
use crate::support::store::{every_line, opened};
use crate::support::{at, by_webhook, measured, number_id, waba};

const DAY: Duration = Duration::from_secs(86_400);

/// Statements of a commit of one message, those that begin and end the transaction included.
const STATEMENTS: usize = 8;

/// Accounts, each with a template and a phone number, which have fifty lines each.
const ACCOUNTS: usize = 1_000;

fn message(key: u128) -> Event {
    let message = Fact::Message(WebhookUpdate {
        phone_number_id: number_id(0),
        received_at: at(0),
        recipient: Some(RecipientKey(key).into()),
        update: Update::Received {
            from: Some(ConversationKey(key).into()),
            kind: Kind::Text,
            context: MessageContext::default(),
        },
    });
    by_webhook(key, 0, message)
}

#[tokio::test]
async fn a_commit_of_a_message_needs_few_statements() {
    let server = PostgresServer::start(&["fsync=off", "log_statement=all"]);
    let options = options(&server.new_database());
    let store = opened(&Location::Server(Box::new(options)), DAY).await;
    let watched = store.watch(BTreeSet::from([waba()])).await;
    watched.expect("a sound store");
    store.commit(vec![message(1)]).await.expect("a sound store");
    store.commit(vec![message(2)]).await.expect("a sound store");
    store.close().await;
    let log = server.log();
    // The transaction of the second message: the last one that writes the counters of messages.
    let before = log.rfind("INSERT INTO traffic").expect("it is written");
    let began = log[..before].rfind("BEGIN").expect("a transaction");
    let length = log[began..].find("COMMIT").expect("it ends");
    let transaction = &log[began..began + length];
    let statements = transaction.matches("LOG:  execute").count() + 2;
    measured(&format!(
        "statements of a commit: {statements}\n{transaction}"
    ));
    assert!(statements <= STATEMENTS, "{statements}:\n{transaction}");
}

/// Fills the journal with rows in the form of commits.
fn fill(server: &PostgresServer, database: &str) {
    let fill = format!(
        "SET search_path = whatsapp_exporter; \
         INSERT INTO journal_attributes (entity, name) VALUES ('template', 'status'), ('phone_number', 'quality_rating'); \
         INSERT INTO journal_accounts (waba_id) SELECT 100000 + n FROM generate_series(1, {ACCOUNTS}) AS n; \
         INSERT INTO journal_entities (account, kind, id) \
           SELECT account, kind, 200000 + account FROM journal_accounts, generate_series(0, 1) AS kind; \
         INSERT INTO transitions (entity, order_ms, attribute, is_webhook, to_value) \
           SELECT entity, 1000000 + n * 60000 + entity, kind + 1, false, 'VALUE' \
           FROM journal_entities, generate_series(1, 50) AS n; \
         ANALYZE journal_accounts, journal_entities, journal_attributes, transitions;"
    );
    server.execute(database, &fill);
}

#[tokio::test]
async fn no_page_of_the_history_sorts_the_whole_journal() {
    let server = PostgresServer::start(&[
        "fsync=off",
        "shared_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
    ]);
    let url = server.new_database();
    let options = options(&url);
    let store = opened(&Location::Server(Box::new(options)), DAY * 100_000).await;
    fill(&server, url.rsplit('/').next().expect("a database"));
    let of_account = HistoryQuery {
        waba_id: WabaId::parse("100500"),
        ..every_line()
    };
    let of_entity = HistoryQuery {
        entity_id: Some("200500".to_owned()),
        ..of_account.clone()
    };
    for query in [every_line(), of_account, of_entity] {
        let logged = server.log().len();
        let rows = store.history().rows(&query, 100, 0).await;
        assert_eq!(rows.expect("readable").len(), 100, "{query:?}");
        let log = server.log();
        let plan = &log[logged..];
        measured(plan);
        // PostgreSQL reports how many rows each step has read.
        let rows = plan.split("actual ").skip(1).filter_map(|step| {
            let rows = step.split("rows=").nth(1)?.split([' ', '.']).next()?;
            rows.parse::<usize>().ok()
        });
        let most = rows.max().expect("a plan");
        assert!(most <= 2 * ACCOUNTS, "{query:?}: {plan}");
    }
    store.close().await;
}
