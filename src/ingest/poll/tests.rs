//! The loop around the schedule against a small server: commits, metrics, and skipped polls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Budget, Budgets, Cadences, Poller, PollingApp};
use crate::domain::{Collector, SpentCalls, WabaId, Word};
use crate::ingest::graph::tests::meta::{Meta, ReceivedRequest, ScriptedAnswer, page, waba};
use crate::store::{Location, Store};

/// Timeout that ends a test which would otherwise wait forever.
const LONGEST_TEST: Duration = Duration::from_secs(120);

/// An interval so long that a test sees only the first poll.
const ONCE: Duration = Duration::from_secs(3_600);

struct PollingUnderTest {
    store: Arc<Store>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn start(
    meta: &Meta,
    accounts: &[WabaId],
    cadence: Duration,
    calls_per_hour: u32,
) -> PollingUnderTest {
    start_on(&Location::Memory, meta, accounts, cadence, calls_per_hour).await
}

async fn start_on(
    location: &Location,
    meta: &Meta,
    accounts: &[WabaId],
    cadence: Duration,
    calls_per_hour: u32,
) -> PollingUnderTest {
    let store = Store::open(location, ONCE, Arc::clone(&meta.telemetry)).await;
    let store = Arc::new(store.expect("a store"));
    store
        .watch(accounts.iter().cloned().collect())
        .await
        .expect("a sound store");
    let clients: BTreeMap<_, _> = accounts
        .iter()
        .map(|waba_id| {
            let (name, client) = ("main".into(), Arc::clone(&meta.client));
            (waba_id.clone(), PollingApp { name, client })
        })
        .collect();
    let cadences = Cadences {
        numbers: cadence,
        account: cadence,
        templates: cadence,
        insights: None,
        startup_spread: Duration::from_secs(1),
    };
    let budgets = Arc::new(Mutex::new(Budgets::new(Budget::new(calls_per_hour, 0.75))));
    let (seen, telemetry) = (Arc::clone(&store), Arc::clone(&meta.telemetry));
    let poller = Poller::new(clients, cadences, budgets, seen, telemetry);
    let stop = CancellationToken::new();
    let task = tokio::spawn(poller.run(stop.clone()));
    PollingUnderTest { store, stop, task }
}

impl PollingUnderTest {
    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(LONGEST_TEST, self.task).await;
        ended.expect("it ends after the stop").expect("no panic");
        self.store.close().await;
    }

    fn spent(&self) -> SpentCalls {
        let account = self.store.account(&waba()).expect("it is watched");
        account.spent_calls().cloned().unwrap_or_default()
    }

    fn numbers(&self) -> usize {
        self.store.snapshot()[&waba()].numbers().count()
    }
}

async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(LONGEST_TEST, wait).await;
    waited.expect("the condition comes true");
}

/// `poll_up` of this account and collector; `None` before its first poll.
fn up(meta: &Meta, waba_id: &WabaId, collector: Collector) -> Option<bool> {
    let name = "whatsapp_exporter_poll_up";
    let families = meta.telemetry.gather();
    let family = families.iter().find(|family| family.name() == name)?;
    // Labels are sorted by name: app, collector, waba_id.
    let wanted = ["main", collector.as_str(), waba_id.as_str()];
    let is_wanted = |metric: &&prometheus::proto::Metric| {
        let labels = metric.get_label().iter();
        labels.map(|label| label.value()).eq(wanted)
    };
    let metric = family.get_metric().iter().find(is_wanted)?;
    Some(metric.get_gauge().get_value() > 0.5)
}

fn all_up(meta: &Meta) -> bool {
    let collectors = [Collector::Numbers, Collector::Account, Collector::Templates];
    let mut ups = collectors
        .map(|collector| up(meta, &waba(), collector))
        .into_iter();
    ups.all(|up| up == Some(true))
}

/// A Meta without failures: one number, no template.
fn well(received: &ReceivedRequest) -> ScriptedAnswer {
    match received.uri.path().rsplit('/').next() {
        Some("phone_numbers") => page(0..1, None),
        Some("message_templates") => ScriptedAnswer::json(&json!({"data": []})),
        Some("subscribed_apps") => ScriptedAnswer::json(&json!({"data": []})),
        _ => ScriptedAnswer::json(&json!({"id": "800100", "name": "Fern"})),
    }
}

#[tokio::test]
async fn one_account_is_read_at_once_by_all_three_collectors() {
    let meta = Meta::by_question(|received| async move { well(&received) }).await;
    let polling = start(&meta, &[waba()], ONCE, 1_000).await;
    until(|| all_up(&meta)).await;
    assert_eq!(polling.numbers(), 1);
    polling.end().await;
}

#[tokio::test]
async fn a_failure_only_changes_poll_up() {
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let meta = Meta::by_question(move |received| {
        let is_broken = is_broken.load(Ordering::SeqCst);
        async move {
            if is_broken {
                ScriptedAnswer::error(&json!({"code": 100, "error_subcode": 33}))
            } else {
                well(&received)
            }
        }
    })
    .await;
    let polling = start(&meta, &[waba()], Duration::from_millis(5), 100_000).await;
    until(|| all_up(&meta)).await;
    broken.store(true, Ordering::SeqCst);
    until(|| up(&meta, &waba(), Collector::Numbers) == Some(false)).await;
    assert_eq!(polling.numbers(), 1);
    broken.store(false, Ordering::SeqCst);
    until(|| all_up(&meta)).await;
    polling.end().await;
}

#[tokio::test]
async fn polling_stops_at_once_even_during_a_request() {
    let meta = Meta::by_question(|_| std::future::pending::<ScriptedAnswer>()).await;
    let polling = start(&meta, &[waba()], ONCE, 1_000).await;
    until(|| !meta.received().is_empty()).await;
    polling.end().await;
}

#[tokio::test]
async fn a_poll_without_budget_is_deferred_and_counted_once() {
    let meta = Meta::by_question(|received| async move { well(&received) }).await;
    let polling = start(&meta, &[waba()], ONCE, 1).await;
    until(|| deferred(&meta) == 2 && meta.received().len() == 1).await;
    polling.end().await;
}

#[tokio::test]
async fn a_rejected_token_fails_all_accounts_of_its_app_without_a_call_for_each() {
    let refused = |_| async { ScriptedAnswer::error(&json!({"code": 190})) };
    let meta = Meta::by_question(refused).await;
    let accounts: Vec<WabaId> = (8_000..8_100)
        .map(|number| WabaId::parse(&number.to_string()).expect("digits"))
        .collect();
    let polling = start(&meta, &accounts, ONCE, 1_000).await;
    let last = &accounts[accounts.len() - 1];
    until(|| up(&meta, last, Collector::Templates) == Some(false)).await;
    let is_about_it = |received: &ReceivedRequest| received.uri.path().contains(last.as_str());
    assert!(!meta.received().iter().any(is_about_it));
    polling.end().await;
}

fn deferred(meta: &Meta) -> u64 {
    let collectors = [Collector::Numbers, Collector::Account, Collector::Templates];
    let of = |collector: Collector| {
        let deferred = &meta.telemetry.polls_deferred;
        deferred.with_label_values(&[collector.as_str()]).get()
    };
    collectors.map(of).iter().sum()
}

#[tokio::test]
async fn after_a_restart_earlier_calls_still_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::File(folder.path().join("store.db"));
    let meta = Meta::by_question(|received| async move { well(&received) }).await;
    let polling = start_on(&location, &meta, &[waba()], ONCE, 1).await;
    let calls = |spent: &SpentCalls| spent.by_minute.iter().map(|(_, calls)| calls).sum::<u32>();
    until(|| calls(&polling.spent()) == 1 && deferred(&meta) == 2).await;
    let spent = polling.spent();
    polling.end().await;

    let polling = start_on(&location, &meta, &[waba()], ONCE, 1).await;
    assert_eq!(polling.spent(), spent);
    until(|| deferred(&meta) == 5).await;
    assert_eq!(meta.received().len(), 1);
    polling.end().await;
}

#[tokio::test]
async fn after_a_restart_a_rate_limit_still_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::File(folder.path().join("store.db"));
    let limited = |_| async { ScriptedAnswer::error(&json!({"code": 80_008})) };
    let meta = Meta::by_question(limited).await;
    let polling = start_on(&location, &meta, &[waba()], ONCE, 1_000).await;
    until(|| polling.spent().held_until.is_some()).await;
    polling.end().await;

    let received = meta.received().len();
    let polling = start_on(&location, &meta, &[waba()], ONCE, 1_000).await;
    let before = deferred(&meta);
    until(|| deferred(&meta) == before + 3).await;
    assert_eq!(meta.received().len(), received);
    polling.end().await;
}
