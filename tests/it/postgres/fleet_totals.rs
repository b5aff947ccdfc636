//! Reads for figures over accounts of several replicas: campaigns, experiments and portfolios. Only the replica that
//! exports such a figure reads, and only the rows that the figure needs.

mod experiments;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use whatsapp_business_exporter::domain::campaign::{CallbackData, CampaignStage, Campaigns};
use whatsapp_business_exporter::domain::mark::Mark;
use whatsapp_business_exporter::domain::message::{Category, Status, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::template::{Snapshot, Totals};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{
    BusinessId, Event, Fact, Listing, PhoneNumberId, TemplateId, WabaId, account,
};
use whatsapp_business_exporter::state::Accounts;
use whatsapp_business_exporter::store::{Location, Store};

use super::options;
use super::replicas::{DEADLINE, accounts, replica};
use crate::support::postgres::PostgresServer;
use crate::support::{at, by_webhook};

const SAVED_TIMES: &str = "FROM refreshes WHERE waba_id = ANY($1)";

const TRAFFIC: &str = "SELECT waba_id, state FROM traffic WHERE waba_id = ANY($1)";

/// Two replicas, each with a share of the accounts, on a server that logs all statements.
struct Fleet {
    server: PostgresServer,
    one: Store,
    other: Store,
}

impl Fleet {
    async fn start() -> Self {
        let server = PostgresServer::start(&["fsync=off", "log_statement=all"]);
        let location = Location::Server(Box::new(options(&server.new_database())));
        let (one, other) = (replica(&location).await, replica(&location).await);
        let fleet = Self { server, one, other };
        // No shard moves afterwards.
        until("each replica has its share", || {
            let shares = [&fleet.one, &fleet.other].map(|store| store.shards().borrow().len());
            shares == [32, 32]
        })
        .await;
        fleet
    }

    /// The queries that the server logs meanwhile, with their parameters.
    async fn queried<T>(&self, work: impl Future<Output = T>) -> String {
        let before = self.server.log().len();
        work.await;
        queries(&self.server.log()[before..])
    }

    async fn stop(self) {
        self.one.close().await;
        self.other.close().await;
    }
}

/// The lines of a log about statements that read. Statements that delete old rows name the same tables.
fn queries(log: &str) -> String {
    let mut is_query = false;
    let lines = log.lines().filter(|line| {
        if let Some((_, statement)) = line.split_once(" LOG:  ") {
            let (how, sql) = statement.split_once(": ").unwrap_or_default();
            is_query = how.starts_with("execute ") && sql.starts_with("SELECT ");
        }
        is_query
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn until(what: &str, is_reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_reached() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn owned(store: &Store) -> BTreeSet<WabaId> {
    let all = accounts().into_iter();
    all.filter(|id| store.account(id).is_some()).collect()
}

/// The first text with this beginning whose shard the replica owns.
fn key_of(store: &Store, beginning: &str) -> String {
    let mut keys = (0..).map(|number| format!("{beginning}{number}"));
    keys.find(|key| store.exports_key(key)).expect("many")
}

/// A message of the campaign from each account.
fn sent(key: u128, campaign: &str) -> Vec<Event> {
    let of_account = |(place, waba_id): (usize, WabaId)| {
        let fact = Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse("900100200300400").expect("digits"),
            received_at: at(0),
            recipient: None,
            update: Update::Status {
                to: None,
                status: Status::Sent,
                category: Category::Marketing,
                errors: Vec::new(),
                mark: Some(Mark {
                    campaign: Some(campaign.to_owned()),
                    ..Mark::default()
                }),
            },
        });
        Event {
            waba_id,
            ..by_webhook(key + place as u128, 0, fact)
        }
    };
    accounts().into_iter().enumerate().map(of_account).collect()
}

fn messages(accounts: &Accounts, campaign: &str) -> u64 {
    let traffic = accounts.values().flat_map(|account| account.traffic());
    let counts = traffic.flat_map(|traffic| traffic.campaigns.iter());
    let of_campaign = counts.filter(|(name, _)| *name == campaign);
    let stages = of_campaign.flat_map(|(_, counts)| counts.stages.iter());
    let sent = stages.filter(|(stage, _)| *stage == CampaignStage::Sent);
    sent.map(|(_, count)| count).sum()
}

/// The messages of the campaign in the accounts that a replica has read.
fn counted(store: &Store, campaign: &str) -> Option<u64> {
    let (accounts, _) = store.campaign_accounts()?;
    Some(messages(&accounts, campaign))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_exporter_of_a_campaign_reads_it_and_only_changes() {
    let fleet = Fleet::start().await;
    let campaign = key_of(&fleet.one, "spring-");
    let mut campaigns = Campaigns::default();
    campaigns.declare(CallbackData::new("value").expect("short"), &campaign);
    let trackers = Arc::new(Trackers {
        campaigns,
        ..Trackers::default()
    });
    for store in [&fleet.one, &fleet.other] {
        store
            .track(Arc::clone(&trackers))
            .await
            .expect("it is open");
    }
    let names = std::slice::from_ref(&campaign);
    let all = accounts().len() as u64;
    let applied = |count: u64| {
        let counts = [&fleet.one, &fleet.other].map(|store| messages(&store.snapshot(), &campaign));
        counts.iter().sum::<u64>() == count
    };
    fleet
        .one
        .commit(sent(1_000, &campaign))
        .await
        .expect("a sound store");
    until("all messages are applied", || applied(all)).await;

    let log = fleet.queried(fleet.other.read_campaigns(names)).await;
    assert!(
        !log.contains(SAVED_TIMES) && !log.contains(TRAFFIC),
        "{log}"
    );
    assert_eq!(counted(&fleet.other, &campaign), None);

    let log = fleet.queried(fleet.one.read_campaigns(names)).await;
    assert_eq!(counted(&fleet.one, &campaign), Some(all));
    for table in ["template_pages", "customer_segments", "phone_numbers"] {
        assert!(!log.contains(&format!("FROM {table}")), "{table}: {log}");
    }
    let (_, read) = log.split_once(TRAFFIC).expect("it is read");
    for waba_id in owned(&fleet.one) {
        assert!(!read.contains(waba_id.as_str()), "{waba_id}: {log}");
    }
    let log = fleet.queried(fleet.one.read_campaigns(names)).await;
    assert!(log.contains(SAVED_TIMES) && !log.contains(TRAFFIC), "{log}");

    // Messages of own accounts and of others are counted.
    fleet
        .other
        .commit(sent(2_000, &campaign))
        .await
        .expect("a sound store");
    until("all messages are applied", || applied(2 * all)).await;
    let read = fleet.one.read_campaigns(names).await;
    read.expect("readable");
    assert_eq!(counted(&fleet.one, &campaign), Some(2 * all));

    // Accounts that are no longer watched are dropped.
    let left = owned(&fleet.other).into_iter().take(1).collect();
    fleet.one.watch(left).await.expect("a sound store");
    fleet.one.read_campaigns(names).await.expect("readable");
    assert_eq!(counted(&fleet.one, &campaign), Some(2));
    // All accounts are dropped when this replica exports no campaign.
    let foreign = key_of(&fleet.other, "autumn-");
    let read = fleet.one.read_campaigns(&[foreign]).await;
    read.expect("nothing to read");
    assert_eq!(counted(&fleet.one, &campaign), None);
    fleet.stop().await;
}

/// The facts of polls of an account with a template that this portfolio owns.
fn polled(waba_id: &WabaId, business_id: &str) -> Vec<Event> {
    let node = account::Snapshot {
        business_id: BusinessId::parse(business_id),
        ..account::Snapshot::new()
    };
    let templates = Listing {
        objects: vec![Snapshot::new(TemplateId::parse("700").expect("digits"))],
        complete: true,
    };
    let facts = [
        Fact::AccountRead(node),
        Fact::TemplatesListed(templates, Totals::default()),
    ];
    let events = facts.into_iter().map(|fact| Event {
        waba_id: waba_id.clone(),
        ..crate::support::polled(0, fact)
    });
    events.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portfolio_is_read_by_its_exporter_without_templates() {
    let fleet = Fleet::start().await;
    let portfolio = key_of(&fleet.one, "70");
    let foreign = owned(&fleet.other).pop_first().expect("it has a share");
    let committed = fleet.other.commit(polled(&foreign, &portfolio)).await;
    committed.expect("a sound store");

    let log = fleet.queried(fleet.other.read_portfolios()).await;
    assert!(!log.contains(SAVED_TIMES), "{log}");
    let log = fleet.queried(fleet.one.read_portfolios()).await;
    assert!(log.contains(SAVED_TIMES), "{log}");
    for table in ["template_pages", "template_insights", "number_insights"] {
        assert!(!log.contains(&format!("FROM {table}")), "{table}: {log}");
    }
    let read = fleet.one.portfolio_accounts();
    let account = read.get(&foreign).expect("it is read");
    assert_eq!(
        account.business_id.value(),
        BusinessId::parse(&portfolio).as_ref()
    );
    assert_eq!(account.templates().count(), 0);
    let of_portfolio = fleet
        .one
        .accounts_of_portfolio(&BusinessId::parse(&portfolio).expect("digits"));
    assert!(of_portfolio.contains_key(&foreign));
    fleet.stop().await;
}

#[test]
fn pruning_a_store_runs_no_query() {
    let deleted = [
        "12:00 UTC [1] LOG:  execute sqlx_s_1: DELETE FROM transitions WHERE waba_id = $1",
        "12:00 UTC [1] DETAIL:  parameters: $1 = '800'",
        "12:00 UTC [1] LOG:  statement: COMMIT",
    ];
    let read = [
        "12:00 UTC [2] LOG:  execute <unnamed>: SELECT state FROM traffic WHERE waba_id = $1",
        "12:00 UTC [2] DETAIL:  parameters: $1 = '801'",
    ];
    let log = [&deleted[..], &read, &deleted].concat().join("\n");
    assert_eq!(queries(&log), read.join("\n"));
}
