//! Daily figures of templates and phone numbers: the counts of the simulated Meta, compared with the stored and exported
//! ones.

mod comparison;
mod drawn_day;
mod quarter;
mod timed_meta;

use std::collections::BTreeMap;
use std::time::Duration;

use comparison::compare_metrics;
use drawn_day::draw_day;
use fastrand::Rng;
use timed_meta::TimedMeta;
use whatsapp_business_exporter::domain::insights::{DayZone, Refusal};
use whatsapp_business_exporter::domain::{
    Event, Fact, PhoneNumberId, Source, TemplateId, Timestamp,
};
use whatsapp_business_exporter::expose::{self, Selection, TextFormat};
use whatsapp_business_exporter::ingest::poll::{InsightsOptions, plan_insights};
use whatsapp_business_exporter::simulator::Endpoint;
use whatsapp_business_exporter::simulator::world::{
    InsightsAccess, MessageBatch, MessageStage, PhoneNumber,
};
use whatsapp_business_exporter::store::{Location, Store};

use crate::support::meta::{WABA, graph_error};
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

fn template_id(which: usize) -> String {
    format!("70010020030040{which:02}")
}

fn number_id(which: usize) -> String {
    format!("90010020030040{which}")
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
        // After a poll of the account has shown the refusal, figures of templates are not requested.
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
async fn an_unknown_figure_takes_one_more_call_a_day_and_an_outage_keeps_figures() {
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
    // An outage after the first batch: the poll fails, and the stored figures stay.
    let later = START + 2 * DAY + 60;
    meta.set_time(later);
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
