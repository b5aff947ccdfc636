//! Events of every kind and restarts, in any order, through a store in memory. After each step the store must show
//! what a reducer shows that was never restarted, no counter may fall, and nothing may come from nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use whatsapp_business_exporter::domain::MessageKey;
use whatsapp_business_exporter::domain::campaign::{CallbackData, Campaigns};
use whatsapp_business_exporter::domain::experiment::{
    Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Experiments, Share,
};
use whatsapp_business_exporter::domain::journey::{Choice, OTHER, Step};
use whatsapp_business_exporter::domain::journey::{
    Journey, JourneyId, Journeys, Progress, StepOutcome,
};
use whatsapp_business_exporter::domain::mark::{IgnoredMark, JourneyMark, Mark, MessageContext};
use whatsapp_business_exporter::domain::track::{self, Actor, Happening, Trackers};
use whatsapp_business_exporter::domain::{
    BusinessHours, CanSendMessage, ConversationKey, CustomerIds, DeliveryKey, DisplayDigits,
    EntityHealth, ErrorCode, Event, Fact, Health, HealthDetails, HealthEntity, HealthError,
    Listing, MessagingLimit, PhoneNumberId, RecipientIds, RecipientKey, Source, TemplateId,
    Timestamp, WabaId, Word, account, message, number, template,
};
use whatsapp_business_exporter::insight::attribution;
use whatsapp_business_exporter::state::{Account, State};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use super::draw::Draw;
use super::{NOW, is_well_formed, shown_as_text};

/// Steps of a sequence. An attribute remembers sixteen observations, so that no order of this many is forgotten.
const MOST_STEPS: usize = 48;

/// The kind of event that moves times that are ahead.
const CORRECTION: usize = 9;

/// Events of which any order must show the same: as many as an attribute surely remembers.
const MOST_SHUFFLED: usize = 9;

/// The exposition of two accounts with two numbers and two templates each.
const MOST_TEXT: usize = 512 * 1024;

const DISPLAYED: [&str; 3] = ["+1 555-010-0199", "+1 555-010-0142", "+1 555-010-0777"];

/// Draws a sequence and takes every step of it.
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
        both.any_order_shows_the_same(&mut draw);
        both.store.close().await;
    });
}

/// The store, and the reducer that it must agree with.
struct Both {
    store: Store,
    state: State,
    told: Vec<Event>,
    /// Each event has a key of its own.
    keys: u128,
    spoken_of: BTreeSet<WabaId>,
    counters: BTreeMap<String, f64>,
    /// Polls are dated in their own order, webhooks anywhere before.
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
        state.watch(watched());
        Self {
            store,
            state,
            told: Vec::new(),
            keys: 1_000,
            spoken_of: BTreeSet::new(),
            counters: BTreeMap::new(),
            second: 1_000,
        }
    }

    async fn step(&mut self, draw: &mut Draw<'_>) {
        self.second += 1 + draw.below(20) as i64;
        match draw.below(16) {
            0 => self.restart().await,
            1 if !self.told.is_empty() => self.repeat(draw).await,
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

    /// Everything is dropped and read back from the database.
    async fn restart(&mut self) {
        let before = self.store.snapshot();
        self.store.watch(BTreeSet::new()).await.expect("it is open");
        assert!(self.store.snapshot().is_empty());
        self.store
            .watch(watched().collect())
            .await
            .expect("it is readable");
        assert_eq!(
            self.store.snapshot(),
            before,
            "read back otherwise than it was"
        );
    }

    /// A webhook that comes again changes nothing. A poll that comes again is another observation of the same.
    async fn repeat(&mut self, draw: &mut Draw<'_>) {
        let again = self.told[draw.below(self.told.len())].clone();
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
        self.spoken_of
            .extend(seen.map(|event| event.waba_id.clone()));
        self.told.extend(events.iter().cloned());
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
            "the store and the reducer have done different things"
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
            let is_empty = **account == Account::default();
            assert!(
                is_empty || self.spoken_of.contains(waba_id),
                "{waba_id} came from nothing"
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

    /// What is said of the business, without what is told in order by nature: any order and any repetition of it.
    fn any_order_shows_the_same(&self, draw: &mut Draw<'_>) {
        let is_dated = |event: &&Event| !matches!(event.source, Source::UndatedWebhook(_));
        let orderly = |event: &&Event| match &event.fact {
            Fact::NumbersListed(_) | Fact::TemplatesListed(..) | Fact::AccountRead(_) => true,
            Fact::Account(_) | Fact::Number(_) => true,
            Fact::Template(told) => {
                !matches!(told.update, template::Update::CategoryChanged { .. })
            }
            _ => false,
        };
        let mut seen = BTreeSet::new();
        let is_first = |event: &&Event| seen.insert(format!("{event:?}"));
        let events: Vec<Event> = self
            .told
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
            "the order shows, of {events:#?}"
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
            3 => account_news(draw),
            4 => number_news(draw),
            5 => template_news(draw),
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

fn trackers() -> Trackers {
    let hours = BusinessHours::parse("Mon-Fri 09:00-18:00", "Europe/Berlin").expect("hours");
    Trackers {
        hours: Some(hours),
        journeys: Journeys(vec![Journey {
            id: booking(),
            steps: vec![Step::open("date"), Step::open("time")],
            goals: Vec::new(),
            variants: vec!["A".into(), "B".into()],
            idle_timeout: Duration::from_secs(60),
            loop_threshold: 2,
        }]),
        reads_messages: true,
        campaigns: campaigns(),
        experiments: experiments(),
    }
}

fn experiments() -> Experiments {
    let percent = |share: u32| Share::from_millionths(share * 10_000).expect("a share");
    let arm = |variant: &str| ExperimentArm {
        name: variant.into(),
        journey: booking(),
        variant: Some(variant.into()),
    };
    Experiments(vec![Experiment {
        name: "wording".into(),
        arms: vec![arm("A"), arm("B")],
        metric: ExperimentMetric::Completion,
        smallest_effect: percent(5),
        significance: percent(5),
        power: percent(80),
        expected_rate: percent(50),
        split: ExperimentSplit::Planned(vec![percent(50); 2]),
    }])
}

fn campaigns() -> Campaigns {
    let mut campaigns = Campaigns::default();
    for value in ["spring", "summer"] {
        campaigns.declare(CallbackData::new(value).expect("short"), value);
    }
    campaigns
}

fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".into(),
        version: "1".into(),
    }
}

fn word<W: Word>(draw: &mut Draw<'_>) -> W {
    draw.one_of(W::ALL)
}

fn limit(draw: &mut Draw<'_>) -> MessagingLimit {
    draw.one_of(&[
        MessagingLimit::Customers(250),
        MessagingLimit::Customers(2_000),
        MessagingLimit::Unlimited,
    ])
}

fn health(draw: &mut Draw<'_>) -> Option<Health> {
    let can_send_message: CanSendMessage = word(draw);
    Health::new(
        vec![EntityHealth {
            kind: HealthEntity::Waba,
            can_send_message,
        }],
        None,
    )
}

fn health_details(draw: &mut Draw<'_>) -> Option<HealthDetails> {
    let error = HealthError {
        entity: word(draw),
        code: draw.mostly().then_some(141_006),
        description: draw.mostly().then(|| "\"Pay\"\n".to_owned()),
        solution: None,
    };
    draw.mostly()
        .then(|| HealthDetails::new(vec![error], Vec::new()))
}

fn numbers_listed(draw: &mut Draw<'_>) -> Fact {
    let mut snapshot = |which: usize| number::Snapshot {
        display_phone_number: Some(DISPLAYED[which].to_owned()),
        verified_name: Some("Fern & \"Moss\"\n".to_owned()),
        quality_rating: Some(word(draw)),
        status: Some(word(draw)),
        messaging_limit: Some(limit(draw)),
        throughput_level: Some(word(draw)),
        name_status: Some(word(draw)),
        health: health(draw),
        health_details: health_details(draw),
        ..number::Snapshot::new(number_id(which))
    };
    Fact::NumbersListed(Listing {
        objects: vec![snapshot(0), snapshot(1)],
        complete: true,
    })
}

fn identity(which: usize) -> template::Identity {
    template::Identity {
        id: TemplateId::parse(&format!("700100200300400{which}")).expect("digits"),
        name: Some(format!("offer_{which}").into()),
        language: Some("en_US".into()),
    }
}

/// A snapshot that says nothing but which template it is.
fn snapshot_of(identity: template::Identity) -> template::Snapshot {
    template::Snapshot {
        name: identity.name,
        language: identity.language,
        ..template::Snapshot::new(identity.id)
    }
}

/// The reason is the template's and the category the poll's: what one poll finds, it finds in its own order.
fn templates_listed(draw: &mut Draw<'_>) -> Fact {
    let mut snapshot = |which| template::Snapshot {
        status: Some(word(draw)),
        category: Some(template::Category::Utility),
        correct_category: Some(template::Category::Utility),
        quality_rating: Some(word(draw)),
        last_reason: Some(template::RejectedReason::InvalidFormat),
        ..snapshot_of(identity(which))
    };
    let listing = Listing {
        objects: vec![snapshot(0), snapshot(1)],
        complete: true,
    };
    Fact::TemplatesListed(
        listing,
        template::Totals {
            count: Some(2),
            limit: Some(250),
        },
    )
}

fn account_read(draw: &mut Draw<'_>) -> Fact {
    Fact::AccountRead(account::Snapshot {
        review_status: Some(word(draw)),
        business_verification_status: Some(word(draw)),
        status: Some(word(draw)),
        messaging_limit: Some(limit(draw)),
        health: health(draw),
        health_details: health_details(draw),
        funding: Some(word(draw)),
        marketing_disabled: Some(draw.mostly()),
        marketing_onboarding: Some(word(draw)),
        webhook_subscribed: Some(draw.mostly()),
        ..account::Snapshot::default()
    })
}

fn account_news(draw: &mut Draw<'_>) -> Fact {
    let moment = |draw: &mut Draw<'_>| draw.mostly().then(|| at(draw.below(4_000) as i64));
    Fact::Account(match draw.below(4) {
        0 => account::Update::AccountUpdate {
            event: word(draw),
            digits: DisplayDigits::parse(draw.one_of(&DISPLAYED)).filter(|_| draw.mostly()),
            ban: draw.mostly().then(|| account::Ban {
                state: word(draw),
                date: moment(draw),
            }),
            restrictions: (0..draw.below(3))
                .map(|_| account::Restriction {
                    kind: word(draw),
                    expires_at: moment(draw),
                })
                .collect(),
            violation: draw.mostly().then(|| account::Violation {
                kind: word(draw),
                remediation: None,
            }),
            disconnection: None,
        },
        1 => account::Update::Review(word(draw)),
        2 => account::Update::Alert {
            severity: word(draw),
            alert: word(draw),
        },
        _ => account::Update::Capability {
            messaging_limit: draw.mostly().then(|| limit(draw)),
            phone_numbers_limit: draw.mostly().then(|| draw.below(50) as u64),
        },
    })
}

fn number_news(draw: &mut Draw<'_>) -> Fact {
    // The third is of no number that a poll lists: what is told of it waits.
    let digits = DisplayDigits::parse(draw.one_of(&DISPLAYED)).expect("digits");
    let update = if draw.mostly() {
        number::Update::Quality {
            event: word(draw),
            old_limit: draw.mostly().then(|| limit(draw)),
            current_limit: draw.mostly().then(|| limit(draw)),
        }
    } else {
        number::Update::Name(number::NameReview {
            decision: word(draw),
            rejection_reason: draw.mostly().then(|| word(draw)),
        })
    };
    Fact::Number(number::WebhookUpdate { digits, update })
}

fn template_news(draw: &mut Draw<'_>) -> Fact {
    let identity = identity(draw.below(2));
    let update = match draw.below(5) {
        0 | 1 => template::Update::Status {
            event: word(draw),
            reason: Some(template::RejectedReason::InvalidFormat),
            category: None,
            pause: draw.mostly().then(|| word(draw)),
            disable_at: draw.mostly().then(|| at(draw.below(4_000) as i64)),
        },
        2 => template::Update::Quality {
            previous: draw.mostly().then(|| word(draw)),
            new: word(draw),
        },
        3 => template::Update::CategoryAnnounced {
            present: None,
            coming: word(draw),
            at: draw.mostly().then(|| at(draw.below(4_000) as i64)),
        },
        _ => template::Update::CategoryChanged {
            previous: draw.mostly().then(|| word(draw)),
            new: word(draw),
        },
    };
    Fact::Template(template::WebhookUpdate { identity, update })
}

/// A customer with one id or several. Of four customers, so that ids are shared and change hands.
fn customer(draw: &mut Draw<'_>) -> CustomerIds {
    let mut key = || ConversationKey(draw.below(6) as u128);
    let (user_id, first, second) = (key(), key(), key());
    let (has_user_id, has_second) = (draw.mostly(), draw.mostly());
    let others = [first].into_iter().chain(has_second.then_some(second));
    CustomerIds::new(Some(user_id).filter(|_| has_user_id), others).expect("it has an id")
}

/// The same for recipients.
fn recipient(draw: &mut Draw<'_>) -> RecipientIds {
    let mut key = || RecipientKey(draw.below(6) as u128);
    let (user_id, first, second) = (key(), key(), key());
    let has_user_id = draw.mostly();
    RecipientIds::new(Some(user_id).filter(|_| has_user_id), [first, second]).expect("it has an id")
}

/// More codes than are counted separately.
fn error_code(draw: &mut Draw<'_>) -> ErrorCode {
    ErrorCode::Number(131_000 + draw.below(100) as u32)
}

/// What callback data says: a campaign, a step, or nothing.
fn mark(draw: &mut Draw<'_>) -> Mark {
    let journey = JourneyMark {
        id: booking(),
        step: Some(draw.one_of(&["date", "time", OTHER]).to_owned()).filter(|_| draw.mostly()),
        variant: Some(draw.one_of(&["A", "B"]).to_owned()).filter(|_| draw.mostly()),
        is_goal: !draw.mostly(),
        message: Some(MessageKey(draw.below(4) as u128)),
    };
    Mark {
        campaign: Some(draw.one_of(&["spring", "summer"]).to_owned()).filter(|_| draw.mostly()),
        journey: Some(journey).filter(|_| draw.mostly()),
        ignored: Some(IgnoredMark::Incomplete).filter(|_| !draw.mostly()),
    }
}

fn messages(observed_at: Timestamp, draw: &mut Draw<'_>) -> Fact {
    let update = match draw.below(11) {
        0 | 1 => message::Update::Received {
            from: Some(customer(draw)).filter(|_| draw.mostly()),
            kind: word(draw),
            context: MessageContext {
                replies_to: Some(MessageKey(draw.below(4) as u128)).filter(|_| draw.mostly()),
                choice: Some(Choice::default()).filter(|_| draw.mostly()),
                entry_point: word(draw),
            },
        },
        2 | 3 => message::Update::Status {
            to: Some(customer(draw)).filter(|_| draw.mostly()),
            status: word(draw),
            category: word(draw),
            errors: (0..draw.below(3)).map(|_| error_code(draw)).collect(),
            mark: Some(mark(draw)).filter(|_| draw.mostly()),
        },
        4 => message::Update::Echo {
            to: Some(customer(draw)).filter(|_| draw.mostly()),
            kind: word(draw),
            actor: draw.one_of(&Actor::ALL),
        },
        5 => message::Update::IdChanged(customer(draw)),
        6 => message::Update::ThreadOwner {
            of: customer(draw),
            role: draw.one_of(&["business", "partner"]).to_owned(),
        },
        7 => message::Update::Priced(message::Price {
            category: word(draw),
            pricing_type: word(draw),
        }),
        8 => message::Update::Called,
        9 => message::Update::Preference {
            of: Some(customer(draw)).filter(|_| draw.mostly()),
            preference: word(draw),
        },
        _ => message::Update::Errors(vec![error_code(draw)]),
    };
    let recipient = draw.mostly().then(|| recipient(draw));
    Fact::Message(message::WebhookUpdate {
        phone_number_id: number_id(draw.below(2)),
        received_at: observed_at.plus(Duration::from_secs(draw.below(200) as u64)),
        recipient,
        update,
    })
}

fn tracked(observed_at: Timestamp, draw: &mut Draw<'_>) -> Fact {
    let step = |draw: &mut Draw<'_>| Progress::Step {
        step: draw.one_of(&["date", "time", "other"]).to_owned(),
        outcome: draw.one_of(&[
            StepOutcome::Entered,
            StepOutcome::Answered,
            StepOutcome::Abandoned,
        ]),
        variant: draw
            .mostly()
            .then(|| draw.one_of(&["A", "B", "other"]).to_owned()),
    };
    let happening = match draw.below(5) {
        0 => Happening::Inbound,
        1 => Happening::Reply(draw.one_of(&Actor::ALL)),
        2 => Happening::OnJourney(booking(), Progress::Goal),
        3 => Happening::OnJourney(
            booking(),
            Progress::Variant(draw.one_of(&["A", "B"]).to_owned()),
        ),
        _ => Happening::OnJourney(booking(), step(draw)),
    };
    Fact::Tracked(track::AppEvent {
        phone_number_id: number_id(draw.below(2)),
        customer: customer(draw),
        received_at: observed_at.plus(Duration::from_secs(draw.below(200) as u64)),
        happening,
    })
}

fn spelled(draw: &mut Draw<'_>) -> Fact {
    let digits = DisplayDigits::parse(draw.one_of(&["5550100199", "15550100142", "15550100777"]));
    Fact::NumberSpelled(number::Spelling {
        id: number_id(draw.below(2)),
        digits: digits.expect("digits"),
    })
}
