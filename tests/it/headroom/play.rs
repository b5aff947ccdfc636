//! Webhooks through the parser and the reducer, with restarts through a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use whatsapp_business_exporter::domain::access::AccessStates;
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{
    Assignments, BusinessId, Event, Fact, Listing, MessagingLimit, PhoneNumberId, Source,
    Timestamp, WabaId, account, number,
};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::insight::headroom::{
    Headroom, MessageWebhooks, RecipientUnions, of_portfolio,
};
use whatsapp_business_exporter::state::{Account, Accounts, Change, State};
use whatsapp_business_exporter::store::Location;

use super::payload::{ACCOUNTS, NUMBERS, number_id};
use crate::support::EPOCH_SECONDS;
use crate::support::store::opened;

/// Seconds between the first poll and the first webhook.
const WATCHED_FOR: i64 = 2 * 86_400;

/// How often a restart is tried.
const TRIES: usize = 20;

/// An exporter without sockets.
pub struct Player {
    pub state: State,
    unions: RecipientUnions,
    customers: CustomerHasher,
    applied: Vec<Vec<Event>>,
}

pub fn moment(at: i64) -> Timestamp {
    Timestamp::from_seconds(EPOCH_SECONDS + at)
}

pub fn trackers() -> Arc<Trackers> {
    Arc::new(Trackers {
        reads_messages: true,
        ..Trackers::default()
    })
}

fn accounts() -> impl Iterator<Item = WabaId> {
    ACCOUNTS
        .iter()
        .map(|(id, _)| WabaId::parse(id).expect("digits"))
}

/// A poll, two days before the first webhook.
fn polled(waba_id: WabaId, fact: Fact) -> Event {
    Event {
        waba_id,
        observed_at: moment(-WATCHED_FOR),
        source: Source::Poll,
        fact,
    }
}

/// What polls find: accounts with owners, and their numbers, with a limit of 1,000 customers.
fn polls() -> Vec<Event> {
    let of_account = |(which, (waba_id, business_id)): (usize, &(&str, &str))| {
        let waba_id = WabaId::parse(waba_id).expect("digits");
        let snapshot = account::Snapshot {
            business_id: BusinessId::parse(business_id),
            ..account::Snapshot::default()
        };
        let own = (0..NUMBERS.len()).filter(|number| NUMBERS[*number] == which);
        let listed = own.map(|number| {
            let id = PhoneNumberId::parse(&number_id(number)).expect("digits");
            number::Snapshot {
                messaging_limit: Some(MessagingLimit::Customers(1_000)),
                ..number::Snapshot::new(id)
            }
        });
        let listing = Listing {
            objects: listed.collect(),
            complete: true,
        };
        [
            polled(waba_id.clone(), Fact::AccountRead(snapshot)),
            polled(waba_id, Fact::NumbersListed(listing)),
        ]
    };
    ACCOUNTS.iter().enumerate().flat_map(of_account).collect()
}

impl Player {
    /// Watches the accounts, which no poll has read.
    pub fn unpolled() -> Self {
        let mut state = State::default();
        state.track(trackers());
        state.watch(accounts());
        Self {
            state,
            unions: RecipientUnions::default(),
            customers: CustomerHasher::new(&CustomerKey::from_app_secret(&"autumn".into())),
            applied: Vec::new(),
        }
    }

    pub fn new() -> Self {
        let mut player = Self::unpolled();
        polls()
            .into_iter()
            .for_each(|event| player.apply(vec![event]));
        player
    }

    /// As a store applies what arrives together.
    fn apply(&mut self, events: Vec<Event>) {
        let changes = events.iter().map(|event| (event, self.state.note(event)));
        let changes: Vec<(&Event, Change)> = changes.collect();
        let new = changes
            .into_iter()
            .filter(|(_, change)| change.is_applied());
        self.state.settle(new.map(|(event, _)| event));
        self.applied.push(events);
    }

    /// A delivery from Meta.
    pub fn receive(&mut self, body: &[u8], at: i64) {
        let delivery = Delivery::parse(body, moment(at), Some(&self.customers));
        let events = delivery.expect("JSON").events;
        self.apply(events);
    }

    /// Nothing happens but time.
    pub fn tick(&mut self, at: i64) {
        for waba_id in accounts() {
            self.apply(vec![Event {
                waba_id,
                observed_at: moment(at),
                source: Source::Poll,
                fact: Fact::TimePassed,
            }]);
        }
    }

    /// Writes everything to a store, and continues with the state that the store reads back.
    ///
    /// By the real clock, all of this is long over. After another test of this process has set that clock, a store
    /// ends what is due at its start and every five seconds. Another try misses that moment.
    pub async fn restart(&mut self) {
        for _ in 0..TRIES {
            let read = self.read_back().await;
            if undated(&read) == undated(self.state.accounts()) {
                return self.state.adopt(read);
            }
        }
        panic!("read back otherwise than it was, {TRIES} times");
    }

    async fn read_back(&self) -> Accounts {
        let store = opened(&Location::Memory, Duration::from_secs(86_400)).await;
        store.track(trackers()).await.expect("it is open");
        store.watch(accounts().collect()).await.expect("it is open");
        for events in &self.applied {
            store.commit(events.clone()).await.expect("there is room");
        }
        store.watch([].into()).await.expect("it is open");
        store
            .watch(accounts().collect())
            .await
            .expect("it is readable");
        let read = store.snapshot();
        store.close().await;
        read
    }

    pub fn headroom(&self, business_id: &str, at: i64) -> Headroom {
        let webhooks = MessageWebhooks {
            access: &AccessStates::new(),
            assignments: &Assignments::none(),
            callback: None,
        };
        let business_id = BusinessId::parse(business_id).expect("digits");
        let accounts = self.state.accounts();
        let headroom = of_portfolio(&business_id, accounts, &webhooks, &self.unions, moment(at));
        headroom.expect("an account has this owner")
    }
}

/// The accounts without the time since which they count: every store begins anew.
fn undated(accounts: &Accounts) -> BTreeMap<WabaId, Account> {
    let accounts = accounts.iter();
    let undated = accounts.map(|(waba_id, account)| {
        let account = Account::clone(account).with_counted_since(None);
        (waba_id.clone(), account)
    });
    undated.collect()
}
