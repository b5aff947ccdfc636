//! The simulation: first bound to a port, then run until it is stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::change::WorldChange;
use super::clock::{Clock, DAY_SECONDS, SystemClock};
use super::control;
use super::customers::{self, Customers};
use super::fault::Faults;
use super::graph::{self, Quota, Requests};
use super::handle::Handle;
use super::serve::serve;
use super::shared::{SharedSimulator, SimulatorState};
use super::story::{self, Story};
use super::webhooks::{self, Outbox, Quirks, Retries, TrafficGenerator};
use super::world::World;

/// Interval of messages at speed 1: short enough for visible rates, long enough not to flood a receiver's log.
const TRAFFIC_PERIOD: Duration = Duration::from_secs(2);
/// Minimum interval of timers; shorter ones would be a busy loop.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// Range of valid speeds; outside it, timers are meaningless.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;
/// Lifetime in days of the demo's token, as after a renewal.
const TOKEN_DAYS: i64 = 60;

/// Options of a simulation. `Default` is the demo world on any loopback port, without story and webhooks.
#[derive(Debug, Clone)]
pub struct SimulationOptions {
    /// Address of the Graph API and the control API; port 0 selects a free port.
    pub listen: SocketAddr,
    /// The callback URL, which [`Handle::set_callback_url`] or a subscription can set later.
    pub callback_url: Option<String>,
    /// Determines world, story and traffic.
    pub seed: u64,
    /// Seconds of the story per real second; clamped to 0.01 to 1000.
    pub speed: f64,
    /// Whether [`Story::demo`] is played, with message traffic.
    pub play_story: bool,
    /// The world to start from; `None` is [`World::demo`].
    pub world: Option<World>,
    /// Retry schedule of webhooks; delays are divided by the speed.
    pub retries: Retries,
    /// Share of webhooks in an unusual form; clamped to 0 to 1.
    pub quirks: f64,
    /// Source of the time.
    pub clock: Arc<dyn Clock>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            callback_url: None,
            seed: 1,
            speed: 1.0,
            play_story: false,
            world: None,
            retries: Retries::default(),
            quirks: 0.0,
            clock: Arc::new(SystemClock),
        }
    }
}

/// A simulated Meta that is bound, but does not respond yet.
#[derive(Debug)]
pub struct Simulation {
    listener: TcpListener,
    handle: Handle,
    seed: u64,
    speed: f64,
    play_story: bool,
}

impl Simulation {
    /// Creates the world and binds the port.
    ///
    /// # Errors
    /// If the port cannot be bound, or the HTTP client cannot be built.
    pub async fn bind(options: SimulationOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let graph_url = format!("http://{}", listener.local_addr()?);
        let speed = valid_speed(options.speed);
        let world = options
            .world
            .unwrap_or_else(|| demo_world(options.seed, options.clock.now()));
        let mut state = SimulatorState {
            world,
            quota: Quota::new(speed),
            faults: Faults::default(),
            requests: Requests::default(),
            outbox: Outbox::new(
                options.retries,
                speed,
                Quirks::new(options.seed, options.quirks),
            ),
            customers: Customers::new(options.seed, speed),
            answers: 0,
        };
        if options.callback_url.is_some() {
            state.world.app.callback_url = options.callback_url;
        }
        let shared = Arc::new(SharedSimulator::new(state, options.clock, client()?));
        let handle = Handle { shared, graph_url };
        Ok(Self {
            listener,
            handle,
            seed: options.seed,
            speed,
            play_story: options.play_story,
        })
    }

    /// Base URL of the simulated Graph API, without a version.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        self.handle.graph_url()
    }

    /// A handle to control the simulation, before and while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Responds to calls, sends webhooks and plays the story until `stop` is cancelled, then ends at once.
    ///
    /// # Errors
    /// If the server fails.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let Self {
            listener,
            handle,
            seed,
            speed,
            play_story,
        } = self;
        let shared = &*handle.shared;
        let router =
            control::router(handle.clone()).merge(graph::router(Arc::clone(&handle.shared)));
        let play = async {
            if play_story {
                let story = Story::demo(seed);
                tokio::join!(
                    story::run(shared, &story, speed),
                    traffic(shared, seed, speed)
                );
            }
        };
        let background = async {
            tokio::join!(
                webhooks::run(shared),
                customers::run(shared),
                introduce(&handle),
                play
            );
        };
        serve(listener, router, background, stop, &shared.stopping).await
    }
}

/// Verifies the callback, as Meta does with a new one. A failure is logged but does not stop webhooks, because the
/// callback may still be starting.
async fn introduce(handle: &Handle) {
    if handle.look(|world| world.app.callback_url.is_none()) {
        return;
    }
    tokio::select! {
        () = handle.shared.stopping.cancelled() => {}
        verified = handle.verify_callback() => match verified {
            Ok(()) => tracing::info!("callback verified"),
            Err(reason) => tracing::warn!(reason, "callback not verified"),
        },
    }
}

/// The demo's world with a token that has just been issued.
fn demo_world(seed: u64, now: i64) -> World {
    let mut world = World::demo(seed);
    world
        .apply(
            &WorldChange::TokenRenewed {
                in_seconds: Some(TOKEN_DAYS * DAY_SECONDS),
            },
            now,
        )
        .expect("every world has a token to renew");
    world
}

/// Sends message webhooks until the simulation ends.
async fn traffic(shared: &SharedSimulator, seed: u64, speed: f64) {
    let mut traffic = TrafficGenerator::new(seed);
    let mut turns = interval(TRAFFIC_PERIOD.div_f64(speed).max(SHORTEST_PERIOD));
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = turns.tick() => {
                let now = shared.clock.now();
                let webhook = {
                    let mut state = shared.lock();
                    let webhook = traffic.next(&state.world, now);
                    traffic.record(&mut state.world, now);
                    webhook
                };
                shared.send(webhook.as_slice());
            }
        }
    }
}

/// The nearest valid speed; 1 for one that is not a number.
pub(super) fn valid_speed(speed: f64) -> f64 {
    if speed.is_finite() {
        speed.clamp(*SPEEDS.start(), *SPEEDS.end())
    } else {
        1.0
    }
}

/// An HTTP client that follows no redirects and uses no proxy.
pub(super) fn client() -> io::Result<reqwest::Client> {
    // An error means that another part of the process has already installed a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(io::Error::other)
}
