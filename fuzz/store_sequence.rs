//! Events of every kind and restarts, in any order, through a store in memory. After each step the store must show
//! the same as a reducer that was never restarted, no counter may fall, and no account may appear without an event.

mod conversations;
mod polled;
mod trackers;
mod watching;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conversations::{messages, spelled, tracked};
use polled::{account_read, numbers_listed, templates_listed};
use tokio::runtime::{Builder, Runtime};
use trackers::trackers;
use webhooks::{account_update, number_update, template_update};
use whatsapp_business_exporter::domain::{
    DeliveryKey, Event, Fact, PhoneNumberId, Source, Timestamp, WabaId, Word, template,
};
use whatsapp_business_exporter::insight::attribution;
use whatsapp_business_exporter::state::State;
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use self::watching::{is_empty, watch_as};
use super::draw::Draw;
use super::{NOW, is_well_formed, shown_as_text};

/// Steps of a sequence. An attribute remembers sixteen observations, so that no order of this many is forgotten.
const MOST_STEPS: usize = 48;

/// The kind of event that moves times that are ahead.
const CORRECTION: usize = 9;

/// Largest number of events that are shuffled: no more than an attribute keeps.
const MOST_SHUFFLED: usize = 9;

/// The exposition of two accounts with two numbers and two templates each.
const MOST_TEXT: usize = 512 * 1024;

const DISPLAYED: [&str; 3] = ["+1 555-010-0199", "+1 555-010-0142", "+1 555-010-0777"];

/// Draws a sequence and executes its steps.
pub fn check(data: &[u8]) {
    let runtime: Runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut both = Both::new().await;
        let mut draw = Draw::new(data);
        for _ in 0..MOST_STEPS {
            if draw.is_over() {
                break;
            }
            both.step(&mut draw).await;
        }
        both.order_does_not_matter(&mut draw);
        both.store.close().await;
    });
}

/// The store, and the reducer that it must agree with.
struct Both {
    store: Store,
    state: State,
    applied: Vec<Event>,
    /// The last key that was used. Each event has another one.
    keys: u128,
    with_data: BTreeSet<WabaId>,
    counters: BTreeMap<String, f64>,
    /// The time of the next poll. Times of polls increase, and webhooks have earlier ones.
    second: i64,
}

impl Both {
    async fn new() -> Self {
        let telemetry = Arc::new(Telemetry::new());
        let store = Store::open(&Location::Memory, Duration::from_secs(86_400), telemetry);
        let store = store.await.expect("a store in memory");
        let trackers = Arc::new(trackers());
        store
            .track(Arc::clone(&trackers))
            .await
            .expect("it is open");
        store.watch(watched().collect()).await.expect("it is open");
        let mut state = State::default();
        state.track(trackers);
        watch_as(&store.snapshot(), &mut state);
        Self {
            store,
            state,
            applied: Vec::new(),
            keys: 1_000,
            with_data: BTreeSet::new(),
            counters: BTreeMap::new(),
            second: 1_000,
        }
    }

    async fn step(&mut self, draw: &mut Draw<'_>) {
        self.second += 1 + draw.below(20) as i64;
        match draw.below(16) {
            0 => self.restart().await,
            1 if !self.applied.is_empty() => self.repeat(draw).await,
            2 => {
                let elsewhere = self.event(waba(9), draw);
                self.commit(vec![elsewhere]).await;
            }
            kind => {
                // Deliveries bring several facts at once.
                let how_many = if kind == 3 { 3 } else { 1 };
                let events = (0..how_many)
                    .map(|_| self.event(waba(draw.below(2)), draw))
                    .collect();
                self.commit(events).await;
            }
        }
        self.agree();
    }

    /// Drops all accounts from memory and reads them back from the database.
    async fn restart(&mut self) {
        let before = self.store.snapshot();
        self.store.watch(BTreeSet::new()).await.expect("it is open");
        assert!(self.store.snapshot().is_empty());
        self.store
            .watch(watched().collect())
            .await
            .expect("it is readable");
        let after = self.store.snapshot();
        for (waba_id, account) in &after {
            let are_empty = is_empty(account) && is_empty(&before[waba_id]);
            assert!(
                are_empty || *account == before[waba_id],
                "a reload changed {waba_id}"
            );
        }
        watch_as(&after, &mut self.state);
    }

    /// A repeated webhook changes nothing. A repeated poll is another observation of the same values.
    async fn repeat(&mut self, draw: &mut Draw<'_>) {
        let again = self.applied[draw.below(self.applied.len())].clone();
        let before = self.store.snapshot();
        self.commit(vec![again.clone()]).await;
        if again.source.key().is_some() {
            assert_eq!(self.store.snapshot(), before, "a repeat of {again:?}");
        }
    }

    async fn commit(&mut self, events: Vec<Event>) {
        let expected: Vec<_> = events.iter().map(|event| self.state.apply(event)).collect();
        let watched: BTreeSet<WabaId> = watched().collect();
        let seen = events
            .iter()
            .filter(|event| watched.contains(&event.waba_id));
        self.with_data
            .extend(seen.map(|event| event.waba_id.clone()));
        self.applied.extend(events.iter().cloned());
        let corrected = events.last().and_then(|event| match event.fact {
            Fact::ClockCorrected { latest } => Some((event.waba_id.clone(), latest)),
            _ => None,
        });
        let changes = self
            .store
            .commit_with(events, None)
            .await
            .expect("memory is never full");
        assert_eq!(
            changes, expected,
            "the store and the reducer report different changes"
        );
        if let Some((waba_id, latest)) = corrected {
            let mut ahead = self.state.ahead_of(latest);
            assert!(
                ahead.all(|other| *other != waba_id),
                "{waba_id} is still ahead"
            );
        }
    }

    fn agree(&mut self) {
        let shown = self.store.snapshot();
        assert_eq!(
            &shown,
            self.state.accounts(),
            "the store and the reducer differ"
        );
        for (waba_id, account) in &shown {
            assert!(
                is_empty(account) || self.with_data.contains(waba_id),
                "{waba_id} has data without an event"
            );
            assert!(
                account.numbers().count() <= DISPLAYED.len() && account.templates().count() <= 2
            );
            assert!(account.traffic().count() <= 2);
            for number in account.numbers() {
                let explanation = attribution::explain(&[account], &number.id, at(self.second));
                let mut scores = explanation.causes.iter().map(|cause| cause.score);
                assert!(scores.all(|score| (0.0..=1.0).contains(&score)));
            }
        }
        let text = shown_as_text(&self.state);
        is_well_formed(&text);
        assert!(text.len() < MOST_TEXT, "{} bytes", text.len());
        let samples = samples(&text);
        for (series, before) in &self.counters {
            let now = samples.get(series.as_str());
            assert!(
                now >= Some(before),
                "{series} fell from {before} to {now:?}"
            );
        }
        let counters = samples.into_iter().filter(|(series, _)| is_counter(series));
        self.counters = counters
            .map(|(series, value)| (series.to_owned(), value))
            .collect();
    }

    /// Applies events in any order and with repeats, except those whose order matters.
    fn order_does_not_matter(&self, draw: &mut Draw<'_>) {
        let is_dated = |event: &&Event| !matches!(event.source, Source::UndatedWebhook(_));
        let orderly = |event: &&Event| match &event.fact {
            Fact::NumbersListed(_) | Fact::TemplatesListed(..) | Fact::AccountRead(_) => true,
            Fact::Account(_) | Fact::Number(_) => true,
            Fact::Template(update) => {
                !matches!(update.update, template::Update::CategoryChanged { .. })
            }
            _ => false,
        };
        let mut seen = BTreeSet::new();
        let is_first = |event: &&Event| seen.insert(format!("{event:?}"));
        let events: Vec<Event> = self
            .applied
            .iter()
            .filter(is_dated)
            .filter(orderly)
            .filter(is_first)
            .take(MOST_SHUFFLED)
            .cloned()
            .collect();
        let mut shuffled = [events.clone(), events.clone()].concat();
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, draw.below(place + 1));
        }
        let shown = |events: &[Event]| {
            let mut state = State::default();
            state.watch(watched());
            events.iter().for_each(|event| drop(state.apply(event)));
            shown_as_text(&state)
        };
        assert_eq!(
            shown(&events),
            shown(&shuffled),
            "the result depends on the order of {events:#?}"
        );
    }

    fn event(&mut self, waba_id: WabaId, draw: &mut Draw<'_>) -> Event {
        let kind = draw.below(11);
        let is_poll = kind < 3;
        let second = match draw.below(16) {
            _ if kind == CORRECTION => self.second,
            // The machine's clock was ahead.
            15 => self.second + draw.below(40_000) as i64,
            _ if is_poll => self.second,
            before => self.second - 6 * before as i64,
        };
        let observed_at = at(second);
        let fact = match kind {
            0 => numbers_listed(draw),
            1 => templates_listed(draw),
            2 => account_read(draw),
            3 => account_update(draw),
            4 => number_update(draw),
            5 => template_update(draw),
            6 => messages(observed_at, draw),
            7 => tracked(observed_at, draw),
            8 => spelled(draw),
            CORRECTION => Fact::ClockCorrected {
                latest: at(self.second),
            },
            _ => Fact::TimePassed,
        };
        self.keys += 1;
        let key = DeliveryKey(self.keys);
        let source = match &fact {
            _ if is_poll => Source::Poll,
            Fact::TimePassed | Fact::ClockCorrected { .. } => Source::Poll,
            Fact::Tracked(_) => Source::App(key),
            Fact::Message(_) | Fact::NumberSpelled(_) => Source::Webhook(key),
            _ if draw.below(8) == 0 => Source::UndatedWebhook(DeliveryKey(draw.below(3) as u128)),
            _ => Source::Webhook(key),
        };
        Event {
            waba_id,
            observed_at,
            source,
            fact,
        }
    }
}

fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut samples = BTreeMap::new();
    for (series, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
        let value = value.parse().expect("a number");
        assert_eq!(samples.insert(series, value), None, "{series} twice");
    }
    samples
}

fn is_counter(series: &str) -> bool {
    let name = series.split('{').next().unwrap_or_default();
    ["_total", "_count", "_bucket", "_sum"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn waba(which: usize) -> WabaId {
    WabaId::parse(&format!("80010020030040{which}")).expect("digits")
}

fn watched() -> impl Iterator<Item = WabaId> {
    (0..2).map(waba)
}

fn number_id(which: usize) -> PhoneNumberId {
    PhoneNumberId::parse(&format!("90010020030040{which}")).expect("digits")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.as_millis() / 1_000 - 10_000 + second)
}

fn word<W: Word>(draw: &mut Draw<'_>) -> W {
    draw.one_of(W::ALL)
}
