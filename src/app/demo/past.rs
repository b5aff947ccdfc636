//! The demo's past: before the exporter starts, the simulator plays its story and its traffic for a month at once, and
//! the exporter's own parsers and Graph client read it.
//!
//! The story of 100 seconds is stretched to days. The events are stored as they would have arrived, each with its
//! simulated time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, FixedEnvironment, Flags};
use crate::domain::track::Trackers;
use crate::domain::{Event, Fact, Source, Timestamp, WabaId};
use crate::ingest::graph::{Calls, Client, Usage};
use crate::ingest::poll::{InsightsOptions, plan_insights, read_insights};
use crate::ingest::webhook::Delivery;
use crate::ingest::{CustomerHasher, CustomerKey};
use crate::simulator::change::Webhook;
use crate::simulator::clock::SteppedClock;
use crate::simulator::story::Beat;
use crate::simulator::webhooks::{TrafficGenerator, body};
use crate::simulator::world::World;
use crate::simulator::{Handle, Simulation, SimulationOptions, Story, Travel};
use crate::state::State;
use crate::store::{Location, Store};
use crate::telemetry::Telemetry;

const DAY: i64 = 24 * 3_600;

/// Length of one round of the story.
const DAYS_OF_ROUND: i64 = 9;

/// Number of times that the story is played in the past.
const ROUNDS: i64 = 3;

/// Days at the end of the past on which a template goes to customers who do not want it. The present story then begins
/// with falling ratings.
const DAYS_BEFORE_FALL: i64 = 3;

/// Length of the past in seconds.
const LENGTH: i64 = (ROUNDS * DAYS_OF_ROUND + DAYS_BEFORE_FALL) * DAY;

/// Interval between message webhooks, in seconds.
const TRAFFIC_EVERY: i64 = 30 * 60;

/// Interval between polls of numbers, in seconds. States of the story that only polls can see last ten seconds, which
/// are a day here. More polls delay the start of the demo.
const POLL_NUMBERS_EVERY: i64 = 20 * 3_600;

/// Interval between polls of accounts and templates, in seconds.
const POLL_OTHERS_EVERY: i64 = 60 * 3_600;

/// Interval between polls of insights, in seconds. Meta shows reads for only seven days.
const POLL_INSIGHTS_EVERY: i64 = 3 * DAY;

/// How long the journal of the past is kept, which is until the exporter opens the store.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3_600);

/// Raises the simulated quota, which counts real time.
const SPEED: f64 = 1_000.0;

/// The events until the demo starts, and the world after them.
pub(super) struct Past {
    /// The world at the end.
    pub world: World,
    /// Everything that the exporter would have read, in the order of its time.
    pub events: Vec<Event>,
}

/// One step of the past.
enum Step {
    Beat(Beat),
    Traffic,
    Campaigns {
        is_before_fall: bool,
    },
    /// The deliveries of the last campaign, which count towards the messaging limit.
    Deliveries,
    PollNumbers,
    PollOthers,
    PollInsights,
}

/// Plays the past up to now.
///
/// # Errors
/// If the simulation cannot be bound, or fails.
pub(super) async fn play(seed: u64, hasher: &CustomerHasher) -> anyhow::Result<Past> {
    let until = clock::machine_time().as_millis() / 1_000;
    let clock = Arc::new(SteppedClock::new(until - LENGTH));
    let simulation = Simulation::bind(SimulationOptions {
        seed,
        speed: SPEED,
        clock: Arc::clone(&clock) as _,
        ..SimulationOptions::default()
    })
    .await?;
    let handle = simulation.handle();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(simulation.run(stop.clone()));
    let mut reader = Reader::new(&handle, hasher)?;
    let mut traffic = TrafficGenerator::new(seed);
    for (at, step) in steps(seed, until) {
        clock.set(at);
        match step {
            Step::Beat(beat) => {
                // A beat may not fit the world, because the story is stretched.
                let webhooks = handle.change_all(&beat.changes, Travel::Lost);
                if is_delivered(beat.travel) {
                    reader.receive(&webhooks.unwrap_or_default(), at);
                }
            }
            Step::Traffic => {
                let webhook = handle.edit(|world| {
                    let webhook = traffic.next(world, at);
                    traffic.record(world, at);
                    webhook
                });
                reader.receive(webhook.as_slice(), at);
            }
            Step::Campaigns { is_before_fall } => {
                let webhooks =
                    handle.edit(|world| Story::send_campaigns(world, seed, is_before_fall, at));
                reader.receive(&webhooks, at);
            }
            Step::Deliveries => {
                for webhook in handle.look(|world| Story::last_deliveries(world, at)) {
                    reader.receive(&[webhook], at);
                }
            }
            Step::PollNumbers => reader.poll_numbers(at).await,
            Step::PollOthers => reader.poll_others(at).await,
            Step::PollInsights => reader.poll_insights(at).await,
        }
    }
    stop.cancel();
    serving.await??;
    Ok(Past {
        world: handle.look(World::clone),
        events: reader.events,
    })
}

/// Events of one commit.
const EVENTS_AT_ONCE: usize = 1_000;

/// Stores the events, in a new store.
///
/// # Errors
/// If the store cannot be written.
pub(super) async fn store(
    events: Vec<Event>,
    accounts: Vec<WabaId>,
    location: &Location,
    key: &CustomerKey,
) -> anyhow::Result<()> {
    let telemetry = Arc::new(Telemetry::new());
    // Only the present is logged.
    telemetry.logs_signals.store(false, Ordering::Relaxed);
    let store = Store::open(location, KEPT, telemetry).await?;
    store.use_customer_key(key.check_value(), true).await?;
    store.watch(accounts.into_iter().collect()).await?;
    let trackers = Trackers {
        reads_messages: true,
        ..Trackers::default()
    };
    store.track(Arc::new(trackers)).await?;
    // In parts, because a commit has a time limit.
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        store
            .commit(events.by_ref().take(EVENTS_AT_ONCE).collect())
            .await?;
    }
    store.close().await;
    Ok(())
}

/// All steps until this time, in order.
fn steps(seed: u64, until: i64) -> Vec<(i64, Step)> {
    let from = until - LENGTH;
    let story = Story::demo(seed);
    let round = DAYS_OF_ROUND * DAY;
    let stretch = round as f64 / story.length.as_secs_f64();
    let mut steps = Vec::new();
    for number in 0..ROUNDS {
        let start = from + number * round;
        steps.extend(story.beats.iter().map(|beat| {
            let after = beat.at.as_secs_f64() * stretch;
            (start + after as i64, Step::Beat(beat.clone()))
        }));
    }
    let every = |interval: i64| (from..until).step_by(interval as usize);
    steps.extend(every(TRAFFIC_EVERY).map(|at| (at, Step::Traffic)));
    steps.extend(every(DAY).map(|at| {
        let is_before_fall = at >= until - DAYS_BEFORE_FALL * DAY;
        (at, Step::Campaigns { is_before_fall })
    }));
    steps.push((until - DAY / 2, Step::Deliveries));
    steps.extend(every(POLL_NUMBERS_EVERY).map(|at| (at, Step::PollNumbers)));
    steps.extend(every(POLL_OTHERS_EVERY).map(|at| (at, Step::PollOthers)));
    steps.extend(every(POLL_INSIGHTS_EVERY).map(|at| (at, Step::PollInsights)));
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// Whether the exporter receives and accepts the webhooks.
fn is_delivered(travel: Travel) -> bool {
    match travel {
        Travel::Sent | Travel::Repeated | Travel::Late { .. } => true,
        Travel::Lost | Travel::WrongSignature => false,
    }
}

/// Reads what the simulation shows, and dates it.
struct Reader<'a> {
    hasher: &'a CustomerHasher,
    client: Arc<Client>,
    accounts: Vec<WabaId>,
    insights: InsightsOptions,
    /// The state from the polls so far, which determines the polls of insights.
    polled: State,
    events: Vec<Event>,
}

impl<'a> Reader<'a> {
    fn new(handle: &Handle, hasher: &'a CustomerHasher) -> anyhow::Result<Self> {
        let flags = Flags::default()
            .with_config_file(Some(super::CONFIG_FILE.into()))
            .with("--graph.base-url", Some(handle.graph_url().to_owned()));
        let environment: FixedEnvironment =
            handle.look(|world| super::environment(world, super::insights_section(1.0)));
        let config = Config::load(&flags, &environment)?;
        let clients = crate::app::settings::clients(&config, &Arc::new(Telemetry::new()))?;
        let client = clients.into_iter().next();
        let insights = crate::app::settings::insights(&config);
        let accounts = handle.look(super::watched);
        let mut polled = State::default();
        polled.watch(accounts.iter().cloned());
        Ok(Self {
            hasher,
            client: client.ok_or_else(|| anyhow::anyhow!("the demo has no app"))?,
            insights: insights.ok_or_else(|| anyhow::anyhow!("the demo polls no insights"))?,
            polled,
            accounts,
            events: Vec::new(),
        })
    }

    fn receive(&mut self, webhooks: &[Webhook], at: i64) {
        if webhooks.is_empty() {
            return;
        }
        let (body, receipt) = (body(webhooks, at), Timestamp::from_seconds(at));
        if let Ok(delivery) = Delivery::parse(body.as_bytes(), receipt, Some(self.hasher)) {
            self.events.extend(delivery.spellings);
            self.events.extend(delivery.events);
        }
    }

    async fn poll_numbers(&mut self, at: i64) {
        for waba_id in self.accounts.clone() {
            let numbers = self.client.list_numbers(&waba_id, &Unlimited).await;
            self.note(waba_id, at, Fact::NumbersListed(numbers.listing));
        }
    }

    /// Polls accounts and templates. An account that cannot be read, as during the story's faults, has no event.
    async fn poll_others(&mut self, at: i64) {
        for waba_id in self.accounts.clone() {
            if let Ok(account) = self.client.read_account(&waba_id, &Unlimited).await {
                self.note(waba_id.clone(), at, Fact::AccountRead(account));
            }
            let (templates, totals) = self.client.list_templates(&waba_id, &Unlimited).await;
            self.note(
                waba_id,
                at,
                Fact::TemplatesListed(templates.listing, totals),
            );
        }
    }

    async fn poll_insights(&mut self, at: i64) {
        for waba_id in self.accounts.clone() {
            let account = &self.polled.accounts()[&waba_id];
            let plan = plan_insights(account, &self.insights, Timestamp::from_seconds(at));
            let (snapshot, _) = read_insights(&plan, &self.client, &waba_id, &Unlimited).await;
            self.note(waba_id, at, Fact::InsightsRead(snapshot));
        }
    }

    fn note(&mut self, waba_id: WabaId, at: i64, fact: Fact) {
        let event = Event {
            waba_id,
            observed_at: Timestamp::from_seconds(at),
            source: Source::Poll,
            fact,
        };
        self.polled.apply(&event);
        self.events.push(event);
    }
}

/// The simulated Meta has no quota to protect here.
struct Unlimited;

impl Calls for Unlimited {
    fn may_call(&self) -> bool {
        true
    }

    fn used(&self, _: &Usage) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_cover_the_month_in_order() {
        let steps = steps(1, 1_800_000_000);
        assert!(steps.is_sorted_by_key(|(at, _)| *at));
        let beats = steps
            .iter()
            .filter(|(_, step)| matches!(step, Step::Beat(_)));
        let beats: Vec<i64> = beats.map(|(at, _)| *at).collect();
        assert_eq!(beats.len(), 3 * Story::demo(1).beats.len());
        assert!(
            beats
                .iter()
                .all(|at| (1_800_000_000 - LENGTH..1_800_000_000).contains(at))
        );
    }
}
