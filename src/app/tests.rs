//! Label sets are unique for every configuration and every discovery result.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::gates::Gates;
use super::running::RunningParts;
use super::{BoundExporter, RunningSources, discovery};
use crate::config::{Config, FixedEnvironment, Flags};
use crate::domain::access::{Access, AccessStates, Subscription, Token};
use crate::domain::{
    AccountSource, AccountsOfApp, AppId, Assigned, Assignments, BusinessId, Collector, Event, Fact,
    Listing, Source, Timestamp, WabaId, Word, account,
};
use crate::expose::{Apps, Options, Selection, StateSets, TemplateDetail, TextFormat, render};
use crate::insight::headroom::RecipientUnions;
use crate::state::State;
use crate::store::Discovered;
use crate::telemetry::Telemetry;

const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);
const OPTIONS: Options = Options {
    template_detail: TemplateDetail::All,
    state_sets: StateSets::Full,
    created_timestamps: false,
    template_state_sets: StateSets::Full,
    template_series_limit: 100,
    journeys: crate::domain::journey::Journeys(Vec::new()),
    campaigns: Vec::new(),
    experiments: crate::domain::experiment::Experiments(Vec::new()),
    polls_insights: false,
    business_hours: None,
    callback: None,
};

/// One app of the configuration file. Names, ids and accounts come from small sets, so that apps share them.
fn app() -> impl Strategy<Value = String> {
    let name = prop::option::of(prop::sample::select(vec!["a", "b", "1"]));
    let id = prop::option::of(prop::sample::select(vec!["1", "2"]));
    let accounts = prop::collection::btree_set(800..804_u32, 0..3);
    let secret = prop::sample::select(vec!["s", "t"]);
    (name, id, accounts, secret, any::<bool>()).prop_map(|(name, id, accounts, secret, by_token)| {
        let name = name.map_or(String::new(), |name| format!("name: '{name}', "));
        let id = id.map_or(String::new(), |id| format!("app_id: '{id}', "));
        let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        let accounts = if accounts.is_empty() {
            String::new()
        } else {
            format!("accounts: [{}], ", accounts.join(", "))
        };
        format!(
            "  - {{{name}{id}{accounts}access_token: t, app_secret: {secret}, webhook_verify_token: v, discover_by_token: {by_token}, businesses: ['7']}}\n"
        )
    })
}

fn found() -> impl Strategy<Value = AccountsOfApp> {
    let business = BusinessId::parse("7").map(AccountSource::Business);
    let sources = [Some(AccountSource::Token), business];
    let source = prop::sample::select(sources.into_iter().flatten().collect::<Vec<_>>());
    let assigned =
        (source, any::<bool>()).prop_map(|(source, is_lost)| Assigned { source, is_lost });
    let id = (800..806_u32).prop_filter_map("digits", |id| WabaId::parse(&id.to_string()));
    prop::collection::btree_map(id, assigned, 0..4)
}

fn access(app_id: Option<&AppId>) -> Access {
    Access {
        app_id: app_id.cloned(),
        token: Some(Token {
            scopes: Some(BTreeSet::new()),
            ..Token::default()
        }),
        subscription: Some(Subscription::default()),
        callback_matches: Some(false),
        callback: None,
    }
}

/// A state in which every account was read, listed and lost.
fn state(assignments: &Assignments) -> State {
    let mut state = State::default();
    state.watch(assignments.accounts().cloned());
    for waba_id in assignments.accounts() {
        for fact in [
            Fact::AccountRead(account::Snapshot::default()),
            Fact::NumbersListed(Listing {
                objects: vec![],
                complete: true,
            }),
            Fact::AccountLoss(account::Loss::NotDiscovered),
        ] {
            state.apply(&Event {
                waba_id: waba_id.clone(),
                observed_at: NOW,
                source: Source::Poll,
                fact,
            });
        }
    }
    state
}

/// The telemetry as the pollers and the listener would have recorded it.
fn telemetry(config: &Config, assignments: &Assignments) -> Telemetry {
    let telemetry = Telemetry::new();
    for (waba_id, index) in assignments.polled() {
        let app = &assignments.apps()[index].app;
        for collector in Collector::ALL {
            let polls = &telemetry.polls;
            polls.record(app, waba_id, *collector, Some("timeout"));
        }
    }
    for app in &config.apps {
        let name = [app.name.as_str()];
        telemetry.webhook_wrong_app.with_label_values(&name).inc();
        telemetry.discovery_up.with_label_values(&name).set(1);
    }
    telemetry
}

proptest! {
    #[test]
    fn label_sets_are_unique(
        apps in prop::collection::vec(app(), 1..5),
        found in prop::collection::vec(found(), 5),
    ) {
        let file = format!("apps:\n{}", apps.concat());
        let environment = FixedEnvironment::default().with_file("exporter.yml", file);
        let flags = Flags::default().with_config_file(Some("exporter.yml".into()));
        let config = Config::load(&flags, &environment);
        prop_assume!(config.is_ok());
        let config = config.expect("assumed above");
        let names = config.apps.iter().map(|app| app.name.clone());
        let discovered: Discovered = names.zip(found).collect();
        let assignments = discovery::assignments(&config, &discovered);
        let accesses: AccessStates = config
            .apps
            .iter()
            .map(|app| (app.name.clone(), access(app.app_id.as_ref())))
            .collect();
        let unions = RecipientUnions::new();
        let apps = Apps::without_replicas(&accesses, &assignments, &unions);
        let own = telemetry(&config, &assignments).gather();
        let state = state(&assignments);
        let page = render(state.accounts(), &apps, &own, NOW, &OPTIONS, Selection::default(), TextFormat::Text);
        let mut seen = BTreeSet::new();
        for line in page.text.lines().filter(|line| !line.starts_with('#')) {
            let (series, _) = line.rsplit_once(' ').expect("a sample");
            prop_assert!(seen.insert(series), "{} is there twice", series);
        }
        let is_valid = page.text.contains("whatsapp_access_token_valid{app=");
        prop_assert!(is_valid, "tokens have no app");
    }
}

/// A source with one app, whose Graph API does not respond.
fn source(store: &str) -> super::ConfigSources {
    let environment = FixedEnvironment::default()
        .with_variable("WHATSAPP_ACCESS_TOKEN", "t")
        .with_variable("WHATSAPP_APP_SECRET", "s")
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "v")
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "800");
    let local = || Some("127.0.0.1:0".to_owned());
    let flags = Flags::default()
        .with("--web.listen-address", local())
        .with("--webhook.listen-address", local())
        .with("--graph.base-url", Some("http://127.0.0.1:9".to_owned()))
        .with("--store.url", Some(store.to_owned()));
    super::ConfigSources {
        flags,
        environment: Box::new(environment),
    }
}

#[tokio::test]
async fn a_reload_that_failed_before_the_start_succeeded_is_not_forgotten() {
    let source = source("sqlite::memory:");
    let config = source.load().expect("a valid configuration");
    let telemetry = Arc::new(Telemetry::new());
    let gates = Gates::new(&config, &telemetry).expect("valid files");
    // As after a failed reload while the store cannot be opened.
    telemetry.config_last_reload_successful.set(0);
    let started =
        RunningParts::start(RunningSources::new(source), config, &gates, &telemetry).await;
    let running = started.expect("it starts");
    assert_eq!(telemetry.config_last_reload_successful.get(), 0);
    running.polling.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_stop_during_the_first_start_ends_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let source = source(&format!("sqlite:{}", path.display()));
    let config = source.load().expect("a valid configuration");
    let app = BoundExporter::bind(config, source).expect("a free port");
    let stop = CancellationToken::new();
    stop.cancel();
    app.run(stop).await.expect("in good order");
    assert!(!path.exists(), "the store was not opened any more");
}
