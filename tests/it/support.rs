//! Shared parts of tests: ids, times, and a state that is rendered as exposition text. The modules contain a simulated
//! Meta, a client of it, stores and servers.

pub mod meta;
pub mod pair;
pub mod ports;
pub mod postgres;
pub mod reader;
pub mod scrape;
pub mod store;
pub mod tls;

use std::sync::{Arc, LazyLock};

use whatsapp_business_exporter::domain::access::AccessStates;
use whatsapp_business_exporter::domain::{
    Assignments, BusinessHours, CallbackUrl, DeliveryKey, Event, Fact, PhoneNumberId, Source,
    TemplateId, Timestamp, WabaId, template,
};
use whatsapp_business_exporter::expose::{
    self, Apps, Options, Selection, StateSets, TemplateDetail, TextFormat,
};
use whatsapp_business_exporter::insight::headroom::RecipientUnions;
use whatsapp_business_exporter::state::{Accounts, State};

/// A moment that is long past: nothing scheduled for the present is over.
pub const EPOCH_SECONDS: i64 = 1_775_000_000;

/// No data about any app.
pub const NO_APPS: Apps<'static> = Apps::without_replicas(&NO_ACCESS, &NO_ASSIGNMENTS, &NO_UNIONS);

static NO_ACCESS: AccessStates = AccessStates::new();
static NO_ASSIGNMENTS: Assignments = Assignments::none();
static NO_UNIONS: RecipientUnions = RecipientUnions::new();

pub static ALL_TEMPLATES: LazyLock<Options> = LazyLock::new(|| Options {
    template_detail: TemplateDetail::All,
    state_sets: StateSets::Full,
    created_timestamps: false,
    template_state_sets: StateSets::Sparse,
    template_series_limit: 20_000,
    journeys: whatsapp_business_exporter::domain::journey::Journeys(Vec::new()),
    campaigns: vec!["spring".to_owned()],
    experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
    polls_insights: true,
    business_hours: BusinessHours::parse("Mon-Fri 09:00-18:00", "Europe/Berlin")
        .ok()
        .map(Arc::new),
    callback: CallbackUrl::new("https://watch.example/webhook"),
});

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(EPOCH_SECONDS + seconds)
}

pub fn waba() -> WabaId {
    WabaId::parse("800100200300400").expect("digits")
}

pub fn number_id(which: usize) -> PhoneNumberId {
    PhoneNumberId::parse(&format!("90010020030040{which}")).expect("digits")
}

pub fn template_id(which: usize) -> TemplateId {
    TemplateId::parse(&format!("700100200300400{which}")).expect("digits")
}

/// A snapshot with nothing but the identity of the template.
pub fn snapshot_of(identity: template::Identity) -> template::Snapshot {
    template::Snapshot {
        name: identity.name,
        language: identity.language,
        ..template::Snapshot::new(identity.id)
    }
}

pub fn polled(seconds: i64, fact: Fact) -> Event {
    Event {
        waba_id: waba(),
        observed_at: at(seconds),
        source: Source::Poll,
        fact,
    }
}

pub fn by_webhook(key: u128, seconds: i64, fact: Fact) -> Event {
    Event {
        waba_id: waba(),
        observed_at: at(seconds),
        source: Source::Webhook(DeliveryKey(key)),
        fact,
    }
}

/// The state after these events, watching the one account.
pub fn state_after<'a>(events: impl IntoIterator<Item = &'a Event>) -> State {
    let mut state = State::default();
    state.watch([waba()]);
    for event in events {
        state.apply(event);
    }
    state
}

/// The metrics of this state.
pub fn text_of(state: &State) -> String {
    text_at(state.accounts(), at(0))
}

/// The same at another time.
pub fn text_at(accounts: &Accounts, now: Timestamp) -> String {
    text_with(accounts, now, &ALL_TEMPLATES)
}

/// The same with other settings.
pub fn text_with(accounts: &Accounts, now: Timestamp, options: &Options) -> String {
    expose::render(
        accounts,
        &NO_APPS,
        &[],
        now,
        options,
        Selection::default(),
        TextFormat::Text,
    )
    .text
}

/// The samples of one family, sorted, without the labels of the account.
pub fn samples<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    let of_family = |line: &&str| {
        line.strip_prefix(family)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    let mut samples: Vec<&str> = text.lines().filter(of_family).collect();
    samples.sort_unstable();
    samples
}

/// Fails with each complaint on a separate line.
pub fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Prints figures, which are visible with `--nocapture`.
#[expect(
    clippy::print_stdout,
    reason = "a test's figures, which are captured unless asked for"
)]
pub fn measured(figures: &str) {
    println!("{figures}");
}
