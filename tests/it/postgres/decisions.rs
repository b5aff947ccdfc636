//! Reads of the database for a decision of the send gate: none about numbers of this replica, and few about others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{Kind, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{Event, Fact, PhoneNumberId, WabaId};
use whatsapp_business_exporter::store::{Location, Store};

use super::options;
use super::replicas::{DEADLINE, accounts, replica};
use crate::support::postgres::PostgresServer;
use crate::support::{at, by_webhook, measured};

/// The query for the accounts of a number.
const LOOKUP: &str = "SELECT waba_id FROM phone_numbers WHERE phone_number_id = $1";

/// A failed read is not repeated before, and rows are read again after this time.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The read itself may take half a second, and a busy machine adds to it. A commit waits for 10 s.
const DECIDED_WITHIN: Duration = Duration::from_secs(8);

/// Requests about each number.
const REQUESTS: usize = 100;

/// The only number of an account.
fn number_of(waba_id: &WabaId) -> PhoneNumberId {
    PhoneNumberId::parse(&format!("9{}", waba_id.as_str())).expect("digits")
}

fn message(waba_id: &WabaId, key: u128) -> Event {
    let fact = Fact::Message(WebhookUpdate {
        phone_number_id: number_of(waba_id),
        received_at: at(0),
        recipient: None,
        update: Update::Received {
            from: None,
            kind: Kind::Text,
            context: MessageContext::default(),
        },
    });
    Event {
        waba_id: waba_id.clone(),
        ..by_webhook(key, 0, fact)
    }
}

async fn until(what: &str, is_reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_reached() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn server() -> PostgresServer {
    PostgresServer::start(&["fsync=off", "log_statement=all"])
}

fn location(server: &PostgresServer) -> Location {
    Location::Server(Box::new(options(&server.new_database())))
}

/// Asks so often until these accounts are found. On a slow machine, a read may fail at its limit of half a second; the
/// next one comes after [`READ_AGAIN_AFTER`].
async fn ask_until_found(store: &Store, number: &PhoneNumberId, expected: &BTreeSet<WabaId>) {
    let began = Instant::now();
    loop {
        let mut failure = None;
        for _ in 0..REQUESTS {
            failure = store.read_for_decision(number).await.err().or(failure);
        }
        let found = found(store, number);
        if failure.is_none() && found == *expected {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{found:?}, {failure:?}");
        tokio::time::sleep(READ_AGAIN_AFTER).await;
    }
}

fn found(store: &Store, number: &PhoneNumberId) -> BTreeSet<WabaId> {
    store.accounts_of_number(number).into_keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owned_number_is_never_read_and_others_once_in_some_seconds() {
    let server = server();
    let location = location(&server);
    let (one, other) = (replica(&location).await, replica(&location).await);
    let owned = |store: &Store| {
        let all = accounts().into_iter();
        all.filter(|id| store.account(id).is_some())
            .collect::<Vec<_>>()
    };
    // No shard moves afterwards.
    until("each has its share", || {
        [&one, &other].map(|store| store.shards().borrow().len()) == [32, 32]
    })
    .await;
    let events = accounts().into_iter().zip(1_000..);
    let events = events.map(|(waba_id, key)| message(&waba_id, key));
    one.commit(events.collect()).await.expect("a sound store");
    let (own, foreign) = (owned(&one)[0].clone(), owned(&other)[0].clone());
    until("the other replica has applied its message", || {
        let account = other.account(&foreign).expect("it is owned");
        account.has_number(&number_of(&foreign))
    })
    .await;

    // A decision does not wait for a new connection, which takes longer on a slow machine.
    let other_number = PhoneNumberId::parse("912").expect("digits");
    let connected = one.read_number(&other_number).await;
    connected.expect("a database that answers");

    let before = server.log().len();
    ask_until_found(&one, &number_of(&own), &BTreeSet::from([own.clone()])).await;
    let log = server.log();
    assert!(!log[before..].contains(LOOKUP), "{}", &log[before..]);
    assert!(
        !log[before..].contains("FROM refreshes"),
        "{}",
        &log[before..]
    );

    let nobody = PhoneNumberId::parse("911").expect("digits");
    for (number, expected) in [
        (number_of(&foreign), BTreeSet::from([foreign])),
        (nobody, BTreeSet::new()),
    ] {
        let (before, began) = (server.log().len(), Instant::now());
        ask_until_found(&one, &number, &expected).await;
        // On a slow machine, the requests may take so long that it is read again.
        let most = 1 + usize::try_from(began.elapsed().as_secs() / READ_AGAIN_AFTER.as_secs())
            .expect("few");
        let log = server.log();
        let lookups = log[before..].matches(LOOKUP).count();
        assert!((1..=most).contains(&lookups), "{lookups} of {number}");
        let loads = log[before..].matches("state FROM template_pages").count();
        assert!(loads <= 1, "{loads} of {number}");
    }
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_does_not_wait_for_a_database_that_is_down() {
    let server = server();
    let store = replica(&location(&server)).await;
    let own = accounts().remove(0);
    until("it owns all", || store.account(&own).is_some()).await;
    let event = message(&own, 1_000);
    store.commit(vec![event]).await.expect("a sound store");
    let (number, nobody) = (
        number_of(&own),
        PhoneNumberId::parse("911").expect("digits"),
    );
    server.stop();
    let began = Instant::now();
    let read = store.read_for_decision(&nobody).await;
    let took = began.elapsed();
    let error = read.expect_err("nobody answers").to_string();
    measured(&format!("{error} after {took:?}"));
    assert!(took < DECIDED_WITHIN, "{took:?}: {error}");
    // Before and after the end of the lease, from memory.
    for is_leased in [true, false] {
        if !is_leased {
            until("the lease ends", || store.account(&own).is_none()).await;
        }
        let began = Instant::now();
        let read = store.read_for_decision(&number).await;
        let took = began.elapsed();
        assert!(took < DECIDED_WITHIN, "{took:?}: {read:?}");
        assert_eq!(found(&store, &number), BTreeSet::from([own.clone()]));
    }
    // After this failure, the next requests read nothing.
    let began = Instant::now();
    drop(store.read_for_decision(&nobody).await);
    for _ in 0..REQUESTS {
        let read = store.read_for_decision(&nobody).await;
        // On a slow machine, the requests may take so long that it is read again.
        if began.elapsed() < READ_AGAIN_AFTER {
            read.expect("nothing is read");
        }
    }
}

#[tokio::test]
async fn a_number_is_found_by_an_index_that_keeps_updates_hot() {
    let server = server();
    let url = server.new_database();
    let store = replica(&Location::Server(Box::new(options(&url)))).await;
    let own = accounts().remove(0);
    until("it owns all", || store.account(&own).is_some()).await;
    const MESSAGES: u128 = 50;
    for key in 1..=MESSAGES {
        let event = message(&own, key);
        store.commit(vec![event]).await.expect("a sound store");
    }
    // The session reports its statistics when it ends.
    store.close().await;
    let database = url.rsplit('/').next().expect("a database");
    let updates = "SELECT n_tup_upd || ' ' || n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'traffic'";
    until("statistics are reported", || {
        let text = server.execute(database, updates);
        let (all, hot) = text.trim().split_once(' ').expect("two numbers");
        let (all, hot): (u128, u128) = (all.parse().expect("a number"), hot.parse().expect("one"));
        measured(&format!("{hot} of {all} updates are HOT"));
        all >= MESSAGES - 1 && hot * 10 >= all * 9
    })
    .await;
    let fill = "SET search_path = whatsapp_exporter; \
         INSERT INTO phone_numbers SELECT 100000 + n, 200000 + n, '{}' FROM generate_series(1, 20000) AS n; \
         INSERT INTO traffic SELECT 100000 + n, 200000 + n, '{}' FROM generate_series(1, 20000) AS n; \
         ANALYZE phone_numbers, traffic";
    server.execute(database, fill);
    let explain = "SET search_path = whatsapp_exporter; \
         EXPLAIN SELECT waba_id FROM phone_numbers WHERE phone_number_id = '210000' \
         UNION SELECT waba_id FROM traffic WHERE phone_number_id = '210000'";
    let plan = server.execute(database, explain);
    for index in ["phone_numbers_by_number", "traffic_by_number"] {
        assert!(plan.contains(index), "{plan}");
    }
    assert!(!plan.contains("Seq Scan"), "{plan}");
}
