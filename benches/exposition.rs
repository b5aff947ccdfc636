//! The cost of a scrape of 100,000 series: by the exporter, compared with copying the bytes that it wrote, and with the
//! two usual libraries for the same number of series.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prometheus::{Encoder, IntGaugeVec, Opts, Registry, TextEncoder};
use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use whatsapp_business_exporter::domain::access::AccessStates;
use whatsapp_business_exporter::domain::{
    Assignments, Event, Fact, Listing, QualityRating, Source, TemplateId, Timestamp, WabaId,
    template,
};
use whatsapp_business_exporter::expose::{
    self, Apps, Options, Scrape, Selection, StateSets, TemplateDetail, TextFormat,
};
use whatsapp_business_exporter::insight::headroom::RecipientUnions;
use whatsapp_business_exporter::state::State;

const SERIES: usize = 100_000;
const ACCOUNTS: usize = 20;
/// A green approved template has an info, a status, its time, a rating, a score and a category.
const SERIES_PER_TEMPLATE: usize = 6;
const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

const OPTIONS: Options = Options {
    template_detail: TemplateDetail::All,
    state_sets: StateSets::Full,
    created_timestamps: false,
    template_state_sets: StateSets::Sparse,
    template_series_limit: SERIES,
    journeys: whatsapp_business_exporter::domain::journey::Journeys(Vec::new()),
    campaigns: Vec::new(),
    experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
    polls_insights: false,
    business_hours: None,
    callback: None,
};

fn snapshot(id: usize) -> template::Snapshot {
    let id = TemplateId::parse(&(7_000_000_000_000_000 + id).to_string()).expect("digits");
    template::Snapshot {
        name: Some(format!("spring_offer_{id}").into()),
        language: Some("en_US".into()),
        status: Some(template::Status::Approved),
        category: Some(template::Category::Marketing),
        quality_rating: Some(QualityRating::Green),
        last_reason: Some(template::RejectedReason::None),
        ..template::Snapshot::new(id)
    }
}

fn fleet() -> State {
    let mut state = State::default();
    let account =
        |number: usize| WabaId::parse(&(800_100_200_300_000 + number).to_string()).expect("digits");
    state.watch((0..ACCOUNTS).map(account));
    let each = SERIES / ACCOUNTS / SERIES_PER_TEMPLATE;
    for number in 0..ACCOUNTS {
        let objects = (0..each)
            .map(|template| snapshot(number * each + template))
            .collect();
        let listing = Listing {
            objects,
            complete: true,
        };
        state.apply(&Event {
            waba_id: account(number),
            observed_at: NOW,
            source: Source::Poll,
            fact: Fact::TemplatesListed(listing, template::Totals::default()),
        });
    }
    state
}

fn render(state: &State) -> Scrape {
    expose::render(
        state.accounts(),
        &Apps::without_replicas(
            &AccessStates::new(),
            &Assignments::none(),
            &RecipientUnions::new(),
        ),
        &[],
        NOW,
        &OPTIONS,
        Selection::default(),
        TextFormat::Text,
    )
}

/// The labels of one series of the exporter: two ids and a word.
fn labels(series: usize) -> [String; 3] {
    let account = 800_100_200_300_000 + series % ACCOUNTS;
    [
        account.to_string(),
        (7_000_000_000_000_000 + series).to_string(),
        "APPROVED".to_owned(),
    ]
}

fn prometheus_registry() -> Registry {
    let registry = Registry::new();
    let opts = Opts::new(
        "whatsapp_message_template_status",
        "The template's present status.",
    );
    let gauges = IntGaugeVec::new(opts, &["waba_id", "template_id", "status"]).expect("valid");
    registry.register(Box::new(gauges.clone())).expect("new");
    for series in 0..SERIES {
        let labels = labels(series);
        gauges
            .with_label_values(&labels.each_ref().map(String::as_str))
            .set(1);
    }
    registry
}

type Labels = Vec<(&'static str, String)>;

fn prometheus_client_registry() -> prometheus_client::registry::Registry {
    let mut registry = prometheus_client::registry::Registry::default();
    let gauges = Family::<Labels, Gauge>::default();
    registry.register(
        "whatsapp_message_template_status",
        "The template's present status",
        gauges.clone(),
    );
    for series in 0..SERIES {
        let [account, template, status] = labels(series);
        let labels = vec![
            ("waba_id", account),
            ("template_id", template),
            ("status", status),
        ];
        gauges.get_or_create(&labels).set(1);
    }
    registry
}

fn exposition(criterion: &mut Criterion) {
    let state = fleet();
    let text = render(&state).text;
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(
        (SERIES * 95 / 100..SERIES * 105 / 100).contains(&series),
        "{series} series"
    );

    let mut group = criterion.benchmark_group("exposition of 100000 series");
    group.sample_size(20);
    group.throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("copying the rendered bytes", |bencher| {
        bencher.iter(|| black_box(text.as_str()).to_owned());
    });
    group.bench_function("state to text", |bencher| {
        bencher.iter(|| render(black_box(&state)));
    });
    let registry = prometheus_registry();
    group.bench_function("prometheus: gather and encode", |bencher| {
        bencher.iter(|| {
            let mut bytes = Vec::new();
            TextEncoder::new()
                .encode(&registry.gather(), &mut bytes)
                .expect("valid");
            bytes
        });
    });
    let registry = prometheus_client_registry();
    group.bench_function("prometheus-client: encode", |bencher| {
        bencher.iter(|| {
            let mut text = String::new();
            text::encode(&mut text, &registry).expect("valid");
            text.write_char('\n').expect("room");
            text
        });
    });
    group.finish();
}

criterion_group!(benches, exposition);
criterion_main!(benches);
