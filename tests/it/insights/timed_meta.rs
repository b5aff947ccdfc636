//! A simulated Meta whose clock the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio_util::sync::{CancellationToken, DropGuard};
use whatsapp_business_exporter::domain::{Fact, Timestamp};
use whatsapp_business_exporter::ingest::poll::{InsightsOptions, plan_insights};
use whatsapp_business_exporter::simulator::clock::Clock;
use whatsapp_business_exporter::simulator::world::{
    Account, InsightsAccess, PhoneNumber, Template,
};
use whatsapp_business_exporter::simulator::{Handle, Simulation, SimulationOptions, World};
use whatsapp_business_exporter::store::Store;

use super::{NUMBERS, START, TEMPLATES, commit, number_id, template_id};
use crate::support::meta::WABA;
use crate::support::reader::{Reader, options};
use crate::support::waba;

#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A simulated Meta at a time that the test sets.
pub(super) struct TimedMeta {
    pub(super) handle: Handle,
    clock: Arc<SetClock>,
    pub(super) reader: Reader,
    _stop_when_dropped: DropGuard,
}

impl TimedMeta {
    pub(super) async fn new(insights: InsightsAccess) -> Self {
        let mut account = Account::new(WABA, "Fern & Moss");
        account.insights = insights;
        let mut world = World::empty().with_account(account);
        for which in 0..NUMBERS {
            let display = format!("+1 555-010-010{which}");
            let number = PhoneNumber::new(&number_id(which), &display, "Fern");
            world = world.with_phone_number(WABA, number);
        }
        for which in 0..TEMPLATES {
            let name = format!("offer_{which}");
            world = world.with_template(WABA, Template::new(&template_id(which), &name));
        }
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let simulation = SimulationOptions {
            world: Some(world),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            // The quota is not what these tests are about.
            speed: 10_000.0,
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(simulation).await.expect("a free port");
        let handle = simulation.handle();
        let stop = CancellationToken::new();
        tokio::spawn(simulation.run(stop.clone()));
        let mut options = options(handle.graph_url());
        handle.look(|world| {
            options.access_token = world.app.token.text.clone().into();
            options.app_secret = Some(world.app.secret.clone().into());
        });
        Self {
            handle,
            clock,
            reader: Reader::new(options),
            _stop_when_dropped: stop.drop_guard(),
        }
    }

    pub(super) fn set_time(&self, at: i64) {
        self.clock.0.store(at, Ordering::Relaxed);
    }

    /// The other polls, which find the objects of the account.
    pub(super) async fn list(&self, store: &Store, at: i64) {
        let account = self.reader.account().await.expect("it is readable");
        let numbers = self.reader.numbers().await.listing;
        let (templates, totals) = self.reader.templates().await;
        let facts = [
            Fact::AccountRead(account),
            Fact::NumbersListed(numbers),
            Fact::TemplatesListed(templates.listing, totals),
        ];
        for fact in facts {
            commit(store, at, fact).await;
        }
    }

    /// One poll of insights, as the poller does it.
    pub(super) async fn poll(&self, store: &Store, options: &InsightsOptions, at: i64) {
        self.set_time(at);
        let account = store.account(&waba()).expect("it is watched");
        let plan = plan_insights(&account, options, Timestamp::from_seconds(at));
        let (snapshot, failure) = self.reader.insights(&plan).await;
        assert!(failure.is_none(), "{failure:?}");
        commit(store, at, Fact::InsightsRead(snapshot)).await;
    }
}
