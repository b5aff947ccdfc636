//! Daily figures of templates and phone numbers: what the simulated Meta sent against what is stored and shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio_util::sync::{CancellationToken, DropGuard};
use whatsapp_business_exporter::domain::insights::{DayZone, Refusal, Stage};
use whatsapp_business_exporter::domain::{
    Event, Fact, PhoneNumberId, Source, TemplateId, Timestamp, Word as _,
};
use whatsapp_business_exporter::expose::{self, Selection, TextFormat};
use whatsapp_business_exporter::ingest::poll::{InsightsOptions, plan_insights};
use whatsapp_business_exporter::simulator::clock::Clock;
use whatsapp_business_exporter::simulator::graph::has_buttons;
use whatsapp_business_exporter::simulator::world::{
    Account, InsightsAccess, MessageBatch, MessageStage, PhoneNumber, Template, TemplateCounts,
};
use whatsapp_business_exporter::simulator::{
    Endpoint, Handle, Simulation, SimulationOptions, World,
};
use whatsapp_business_exporter::store::{Location, Store};

use crate::support::meta::{WABA, graph_error};
use crate::support::reader::{Reader, options};
use crate::support::scrape::Scrape;
use crate::support::store::opened;
use crate::support::{ALL_TEMPLATES, NO_APPS, waba};

const DAY: i64 = 86_400;
/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600;
const TEMPLATES: usize = 23;
const NUMBERS: usize = 3;

const OPTIONS: InsightsOptions = InsightsOptions {
    interval: Duration::from_secs(6 * 3_600),
    max_templates: 100,
    time_zone: DayZone::Utc,
};

#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn template_id(which: usize) -> String {
    format!("70010020030040{which:02}")
}

fn number_id(which: usize) -> String {
    format!("90010020030040{which}")
}

/// A simulated Meta at a time that the test sets.
struct TimedMeta {
    handle: Handle,
    clock: Arc<SetClock>,
    reader: Reader,
    _stop_when_dropped: DropGuard,
}

impl TimedMeta {
    async fn new(insights: InsightsAccess) -> Self {
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

    /// The other polls, which find the objects of the account.
    async fn list(&self, store: &Store, at: i64) {
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
    async fn poll(&self, store: &Store, options: &InsightsOptions, at: i64) {
        self.clock.0.store(at, Ordering::Relaxed);
        let account = store.account(&waba()).expect("it is watched");
        let plan = plan_insights(&account, options, Timestamp::from_seconds(at));
        let (snapshot, failure) = self.reader.insights(&plan).await;
        assert!(failure.is_none(), "{failure:?}");
        commit(store, at, Fact::InsightsRead(snapshot)).await;
    }
}

async fn commit(store: &Store, at: i64, fact: Fact) {
    let event = Event {
        waba_id: waba(),
        observed_at: Timestamp::from_seconds(at),
        source: Source::Poll,
        fact,
    };
    store.commit(vec![event]).await.expect("it can be stored");
}

fn scrape(store: &Store, at: i64) -> Scrape {
    let now = Timestamp::from_seconds(at);
    let accounts = store.snapshot();
    let text = TextFormat::Text;
    Scrape(
        expose::render(
            &accounts,
            &NO_APPS,
            &[],
            now,
            &ALL_TEMPLATES,
            Selection::default(),
            text,
        )
        .text,
    )
}

async fn watched(location: &Location) -> Store {
    let store = opened(location, Duration::from_secs(86_400)).await;
    let accounts = std::iter::once(waba()).collect();
    store.watch(accounts).await.expect("it can watch");
    store
}

/// Every sample of a page by its series as written: searching the text for each would take minutes.
struct Samples(HashMap<String, f64>);

impl Samples {
    fn new(page: &Scrape) -> Self {
        let lines = page.0.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, value)| format!(",{label}=\"{value}\""));
        let labels: String = labels.collect();
        let series = format!("{name}{{waba_id=\"{WABA}\"{labels}}}");
        self.0.get(&series).copied()
    }
}

/// A day's messages of each template: sent in the morning, and read, clicked and replied to for ten days.
fn draw_day(dice: &mut Rng, world: &mut World, day: i64) {
    for which in 0..TEMPLATES {
        if dice.u8(..10) < 4 {
            continue;
        }
        let category = ["marketing", "utility"][dice.usize(..2)];
        let pricing_type = ["regular", "free_customer_service"][usize::from(dice.u8(..4) == 0)];
        let batch = MessageBatch {
            template_id: Some(template_id(which)),
            phone_number_id: number_id(dice.usize(..NUMBERS)),
            category: category.to_owned(),
            pricing_type: pricing_type.to_owned(),
            sent_at: day + dice.i64(8 * 3_600..12 * 3_600),
            count: dice.u64(1..400),
        };
        let mut count = |count: u64, stage, at| {
            let part = MessageBatch {
                count,
                ..batch.clone()
            };
            world.messages.count(&part, stage, at);
        };
        let price = if pricing_type == "regular" {
            dice.u64(1_000..90_000)
        } else {
            0
        };
        let delivered = dice.u64(0..=batch.count);
        count(batch.count, MessageStage::Sent, batch.sent_at);
        count(
            delivered,
            MessageStage::Delivered { price },
            batch.sent_at + 5,
        );
        for days in 0..10 {
            let at = batch.sent_at + days * DAY + dice.i64(0..1_800);
            count(dice.u64(0..=delivered / 10), MessageStage::Read, at);
            count(dice.u64(0..=delivered / 20), MessageStage::Clicked, at);
            count(dice.u64(0..=delivered / 30), MessageStage::Replied, at);
        }
    }
    // Messages without a template are in the figures of numbers alone.
    let service = MessageBatch {
        template_id: None,
        phone_number_id: number_id(0),
        category: "service".to_owned(),
        pricing_type: "free_customer_service".to_owned(),
        sent_at: day + 60,
        count: dice.u64(1..50),
    };
    let free = MessageStage::Delivered { price: 0 };
    world.messages.count(&service, free, day + 60);
}

/// The counts of a stage. `None` where the simulated Meta does not report it: see its `analytics.rs`.
fn of_stage(counts: TemplateCounts, template_id: &str, stage: Stage) -> Option<u64> {
    match stage {
        Stage::Sent => Some(counts.sent),
        Stage::Delivered => Some(counts.delivered),
        Stage::Read => Some(counts.read),
        Stage::Clicked => has_buttons(template_id).then_some(counts.clicked),
        Stage::Replied => (!template_id.ends_with('3')).then_some(counts.replied),
        Stage::Other => None,
    }
}

/// Compares `/metrics` with what Meta knows of `day`, the last complete one. Returns how many samples were compared.
fn compare_metrics(meta: &TimedMeta, store: &Store, day: i64, now: i64) -> usize {
    let page = scrape(store, now);
    let shown = Samples::new(&page);
    let span = (day, day + DAY);
    let mut compared = 0;
    for which in 0..TEMPLATES {
        let id = template_id(which);
        let label = [("template_id", id.as_str())];
        let (counts, ever) = meta.handle.look(|world| {
            let counts = world.messages.template_counts(&id, span, Some(now));
            let ever = (day + DAY - 90 * DAY, day + DAY);
            (counts, world.messages.template_counts(&id, ever, None).sent)
        });
        let start = shown.value(
            "whatsapp_message_template_daily_start_timestamp_seconds",
            &label,
        );
        #[expect(clippy::cast_precision_loss, reason = "a date")]
        let expected = (ever > 0).then_some(day as f64);
        assert_eq!(start, expected, "{id} on day {day}");
        if ever == 0 {
            continue;
        }
        for stage in Stage::REPORTED {
            let labels = [label[0], ("stage", stage.as_str())];
            let value = shown.value("whatsapp_message_template_daily_messages", &labels);
            let mut expected = of_stage(counts, &id, stage);
            // A day without messages has no point, so that only the zeros of every template are known.
            if counts.sent == 0 && matches!(stage, Stage::Clicked | Stage::Replied) {
                expected = None;
            }
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let expected = expected.map(|count| count as f64);
            assert_eq!(value, expected, "{id} {stage:?} on day {day}");
            compared += 1;
        }
        let cost = shown.value(
            "whatsapp_message_template_daily_cost",
            &[label[0], ("currency", "EUR")],
        );
        #[expect(clippy::cast_precision_loss, reason = "small amounts")]
        let expected = (counts.spent > 0).then_some(counts.spent as f64 / 1e6);
        assert_eq!(cost, expected, "{id} on day {day}");
    }
    compared + compare_numbers(meta, &shown, span)
}

fn compare_numbers(meta: &TimedMeta, shown: &Samples, span: (i64, i64)) -> usize {
    let mut compared = 0;
    for which in 0..NUMBERS {
        let id = number_id(which);
        let delivered = meta
            .handle
            .look(|world| world.messages.delivered_counts(&id, span));
        let mut total = 0.0;
        for ((category, pricing_type), counts) in &delivered {
            let labels = [
                ("phone_number_id", id.as_str()),
                ("category", category.as_str()),
                ("pricing_type", pricing_type.as_str()),
            ];
            let volume = shown.value("whatsapp_phone_number_daily_volume", &labels);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let (expected, cost) = (counts.volume as f64, counts.cost as f64 / 1e6);
            assert_eq!(volume, Some(expected), "{labels:?} on {span:?}");
            let with_currency = [&labels[..], &[("currency", "EUR")]].concat();
            let shown_cost = shown.value("whatsapp_phone_number_daily_cost", &with_currency);
            assert_eq!(shown_cost, Some(cost), "{labels:?} on {span:?}");
            total += expected;
            compared += 2;
        }
        let prefix = "whatsapp_phone_number_daily_volume{";
        let of_number = format!("phone_number_id=\"{id}\"");
        let samples = shown.0.iter();
        let samples =
            samples.filter(|(series, _)| series.starts_with(prefix) && series.contains(&of_number));
        let sum: f64 = samples.map(|(_, value)| value).sum();
        assert!((sum - total).abs() < 0.5, "{id}: other prices are not zero");
    }
    compared
}

/// Compares the stored figures of a day that no longer moves.
fn compare_stored(meta: &TimedMeta, store: &Store, day: i64) {
    let account = store.account(&waba()).expect("it is watched");
    for which in 0..TEMPLATES {
        let id = template_id(which);
        let truth = |world: &World| world.messages.template_counts(&id, (day, day + DAY), None);
        let truth = meta.handle.look(truth);
        let known = account
            .template_insights(&TemplateId::parse(&id).expect("digits"))
            .and_then(|insights| {
                let start = Timestamp::from_seconds(day);
                insights.days().iter().find(|known| known.start == start)
            });
        let Some(known) = known else {
            assert_eq!(truth.sent, 0, "{id} on day {day} is missing");
            continue;
        };
        for stage in Stage::REPORTED {
            let expected = of_stage(truth, &id, stage);
            assert_eq!(
                known.figures.stage(stage),
                expected,
                "{id} {stage:?} on day {day}"
            );
        }
        assert_eq!(
            known.figures.spent.unwrap_or(0),
            truth.spent,
            "{id} on day {day}"
        );
    }
}

#[tokio::test]
async fn every_day_of_a_drawn_quarter_is_what_meta_knows() {
    const DAYS: i64 = 90;
    /// The exporter is down on this day.
    const DOWN: i64 = 30;
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::File(folder.path().join("quarter.db"));
    let mut store = watched(&location).await;
    meta.list(&store, START).await;
    let mut dice = Rng::with_seed(26);
    let mut compared = 0;
    for which in 0..DAYS + 8 {
        let day = START + which * DAY;
        if which < DAYS {
            meta.handle.edit(|world| draw_day(&mut dice, world, day));
        }
        if which == DOWN {
            store.close().await;
            drop(store);
            store = watched(&location).await;
            continue;
        }
        for poll in 0..4 {
            let now = day + DAY + poll * 6 * 3_600 + 1_800;
            meta.poll(&store, &OPTIONS, now).await;
            compared += compare_metrics(&meta, &store, day, now);
        }
        // What moved for the last time while the exporter was down is lost.
        let settled = which - 8;
        if settled >= 0 && !(DOWN - 8..=DOWN - 5).contains(&settled) {
            compare_stored(&meta, &store, day - 8 * DAY);
        }
    }
    assert!(compared > 30_000, "{compared}");
    let calls = meta.handle.request_count(Endpoint::TemplateAnalytics);
    // Three for each poll of 23 templates; the first one also reads the past.
    assert!((1_100..1_250).contains(&calls), "{calls}");
    store.close().await;
}

#[tokio::test]
async fn a_refusal_is_a_state_and_ends_when_meta_gives_figures() {
    for (access, refusal) in [
        (InsightsAccess::Disabled, Refusal::NotEnabled),
        (InsightsAccess::Unavailable, Refusal::Unavailable),
    ] {
        let meta = TimedMeta::new(InsightsAccess::Enabled).await;
        let store = watched(&Location::Memory).await;
        meta.list(&store, START).await;
        meta.handle.edit(|world| {
            draw_day(&mut Rng::with_seed(1), world, START);
            world.accounts.get_mut(WABA).expect("it exists").insights = access;
        });
        meta.poll(&store, &OPTIONS, START + DAY + 60).await;
        let account = store.account(&waba()).expect("it is watched");
        assert_eq!(account.insights().refusal(), Some(refusal));
        let enabled =
            |at| scrape(&store, at).value("whatsapp_business_account_insights_enabled", &[]);
        assert_eq!(enabled(START), Some(0.0));
        assert_eq!(meta.handle.request_count(Endpoint::TemplateAnalytics), 1);
        // The figures of phone numbers do not depend on it.
        let volumes = scrape(&store, START).how_many("whatsapp_phone_number_daily_volume", &[]);
        assert!(volumes > 0);
        // Once a poll of the node says so, templates are not requested at all.
        meta.list(&store, START + DAY + 90).await;
        meta.poll(&store, &OPTIONS, START + 2 * DAY).await;
        assert_eq!(meta.handle.request_count(Endpoint::TemplateAnalytics), 1);
        meta.handle.edit(|world| {
            let account = world.accounts.get_mut(WABA).expect("it exists");
            account.insights = InsightsAccess::Enabled;
        });
        meta.list(&store, START + 2 * DAY + 60).await;
        meta.poll(&store, &OPTIONS, START + 3 * DAY).await;
        let account = store.account(&waba()).expect("it is watched");
        assert_eq!(account.insights().refusal(), None);
        assert_eq!(enabled(START), Some(1.0));
        let id = TemplateId::parse(&template_id(0)).expect("digits");
        assert!(account.template_insights(&id).is_some());
        store.close().await;
    }
}

#[tokio::test]
async fn days_of_the_accounts_time_zone_are_requested_as_dates() {
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let store = watched(&Location::Memory).await;
    meta.list(&store, START).await;
    // 138 is seven hours ahead of UTC: 18:00 UTC is already the next day there.
    let sent_at = START + 18 * 3_600;
    let batch = MessageBatch {
        template_id: Some(template_id(1)),
        phone_number_id: number_id(0),
        category: "marketing".to_owned(),
        pricing_type: "regular".to_owned(),
        sent_at,
        count: 12,
    };
    meta.handle.edit(|world| {
        world.messages.count(&batch, MessageStage::Sent, sent_at);
        let price = 1_000_000;
        world
            .messages
            .count(&batch, MessageStage::Delivered { price }, sent_at);
    });
    let options = InsightsOptions {
        time_zone: DayZone::Account,
        ..OPTIONS
    };
    // 2026-01-02T18:00Z is 2026-01-03T01:00 there.
    let now = START + DAY + 18 * 3_600;
    meta.poll(&store, &options, now).await;
    let shown = scrape(&store, now);
    let label = ("template_id", "7001002003004001");
    let sent = [label, ("stage", "sent")];
    let messages = "whatsapp_message_template_daily_messages";
    assert_eq!(shown.value(messages, &sent), Some(12.0));
    let start = shown.value(
        "whatsapp_message_template_daily_start_timestamp_seconds",
        &[label],
    );
    #[expect(clippy::cast_precision_loss, reason = "a date")]
    let expected = (START + 17 * 3_600) as f64;
    assert_eq!(start, Some(expected));
    // The day of the phone numbers is that of UTC.
    let volume = shown.value(
        "whatsapp_phone_number_daily_volume",
        &[("category", "marketing"), ("pricing_type", "regular")],
    );
    assert_eq!(volume, Some(12.0));
    let asked = meta.handle.requests().into_iter();
    let asked = asked.filter(|request| request.endpoint == Endpoint::TemplateAnalytics);
    for request in asked {
        let parameter = |name: &str| {
            let found = request.parameters.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(parameter("use_waba_timezone"), "true");
        assert_eq!(parameter("end"), "2026-01-03");
    }
    store.close().await;
}

#[tokio::test]
async fn an_unknown_figure_costs_one_call_a_day_and_an_outage_keeps_what_was_read() {
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let store = watched(&Location::Memory).await;
    meta.list(&store, START).await;
    meta.handle
        .edit(|world| draw_day(&mut Rng::with_seed(5), world, START));
    let rejected = graph_error(400, 100, "(#100) Param metric_types must be an array");
    meta.handle
        .fault(Some(Endpoint::TemplateAnalytics), Some(1), rejected);
    let now = START + DAY + 60;
    meta.poll(&store, &OPTIONS, now).await;
    let requests = meta.handle.requests().into_iter();
    let requests = requests.filter(|one| one.endpoint == Endpoint::TemplateAnalytics);
    let with_list = requests.filter(|one| {
        one.parameters
            .iter()
            .any(|(name, _)| name == "metric_types")
    });
    assert_eq!(with_list.count(), 1);
    assert!(compare_metrics(&meta, &store, START, now) > 50);
    // An outage after the first batch: the poll fails, and what it had read stays.
    let later = START + 2 * DAY + 60;
    meta.clock.0.store(later, Ordering::Relaxed);
    let account = store.account(&waba()).expect("it is watched");
    let plan = plan_insights(&account, &OPTIONS, Timestamp::from_seconds(later));
    let first = meta.reader.insights(&plan).await;
    assert!(first.1.is_none());
    meta.handle.fault(
        Some(Endpoint::TemplateAnalytics),
        None,
        graph_error(500, 2, "Service temporarily unavailable"),
    );
    let (snapshot, failure) = meta.reader.insights(&plan).await;
    assert!(failure.is_some() && !snapshot.complete);
    assert!(snapshot.numbers.is_some() && snapshot.templates.is_none());
    commit(&store, later, Fact::InsightsRead(snapshot)).await;
    let known = store.account(&waba()).expect("it is watched");
    for which in 0..TEMPLATES {
        let id = TemplateId::parse(&template_id(which)).expect("digits");
        let (before, after) = (account.template_insights(&id), known.template_insights(&id));
        assert_eq!(before, after, "{id}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_number_is_found_by_its_digits_and_a_strange_one_is_left_out() {
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let store = watched(&Location::Memory).await;
    meta.list(&store, START).await;
    meta.handle.edit(|world| {
        draw_day(&mut Rng::with_seed(9), world, START);
        let strange = PhoneNumber::new("999", "+49 30 1234567", "Strange");
        *world = world.clone().with_phone_number(WABA, strange);
        let batch = MessageBatch {
            template_id: None,
            phone_number_id: "999".to_owned(),
            category: "ai_bot".to_owned(),
            pricing_type: "regular".to_owned(),
            sent_at: START,
            count: 3,
        };
        let price = 0;
        world
            .messages
            .count(&batch, MessageStage::Delivered { price }, START);
    });
    meta.poll(&store, &OPTIONS, START + DAY + 60).await;
    let account = store.account(&waba()).expect("it is watched");
    let known: BTreeMap<String, bool> = (0..NUMBERS)
        .map(number_id)
        .chain(["999".to_owned()])
        .map(|id| {
            let number = PhoneNumberId::parse(&id).expect("digits");
            (id, account.number_insights(&number).is_some())
        })
        .collect();
    assert!(!known["999"], "no listing has shown it");
    assert_eq!(known.values().filter(|known| **known).count(), NUMBERS);
    store.close().await;
}

#[tokio::test]
async fn endless_pages_end() {
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let store = watched(&Location::Memory).await;
    meta.list(&store, START).await;
    // 90 days of ten templates take nine pages of a hundred points.
    for which in 0..90 {
        let day = START + which * DAY;
        meta.handle
            .edit(|world| draw_day(&mut Rng::with_seed(3), world, day));
    }
    meta.poll(&store, &OPTIONS, START + 90 * DAY + 60).await;
    for which in 2..90 {
        let id = TemplateId::parse(&template_id(5)).expect("digits");
        let account = store.account(&waba()).expect("it is watched");
        let day = START + which * DAY;
        let sent = meta.handle.look(|world| {
            world
                .messages
                .template_counts(&template_id(5), (day, day + DAY), None)
                .sent
        });
        let insights = account.template_insights(&id).expect("it was read");
        let known = insights
            .days()
            .iter()
            .find(|known| known.start == Timestamp::from_seconds(day));
        assert_eq!(
            known.and_then(|known| known.figures.sent).unwrap_or(0),
            sent
        );
    }
    let pages = meta.handle.request_count(Endpoint::TemplateAnalytics);
    assert!((10..=30).contains(&pages), "{pages}");
    store.close().await;
}
