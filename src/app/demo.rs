//! The demo: a simulated Meta and the exporter in one process, on loopback, without configuration.
//!
//! The exporter is the real one, configured as by an operator. Only Meta is simulated.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{BoundExporter, ConfigSources};
use crate::config::{Config, FixedEnvironment, Flags, ListenAddress};
use crate::simulator::world::World;
use crate::simulator::{Simulation, SimulationOptions};

/// Interval at speed 1: short enough that a change without a webhook is seen within one event of the story, and long
/// enough for the simulated quota.
const NUMBERS_INTERVAL: Duration = Duration::from_secs(3);
const NODES_INTERVAL: Duration = Duration::from_secs(4);

/// The shortest interval that the configuration allows.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

const CONFIG_FILE: &str = "demo.yml";

/// The simulation and the exporter, both bound.
pub struct Demo {
    app: BoundExporter,
    simulation: Simulation,
}

impl Demo {
    /// Binds the simulation and the exporter, and configures each with the address of the other.
    ///
    /// # Errors
    /// If a port cannot be bound.
    pub async fn bind(listen: &ListenAddress, seed: u64, speed: f64) -> anyhow::Result<Self> {
        let options = SimulationOptions {
            seed,
            speed,
            play_story: true,
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(options).await?;
        let handle = simulation.handle();
        let environment = handle.look(|world| environment(world, speed));
        let flags = Flags::default()
            .with_config_file(Some(CONFIG_FILE.into()))
            .with("--web.listen-address", Some(listen.to_string()))
            .with("--webhook.listen-address", Some(listen.to_string()))
            .with("--graph.base-url", Some(simulation.graph_url().to_owned()))
            .with("--store.url", Some("sqlite::memory:".to_owned()));
        let source = ConfigSources {
            flags,
            environment: Box::new(environment),
        };
        let config = Config::load(&source.flags, source.environment.as_ref())?;
        let app = BoundExporter::bind(config, source)?;
        handle.set_callback_url(Some(format!(
            "http://{}/webhook",
            reachable(app.public_address())
        )));
        Ok(Self { app, simulation })
    }

    /// The exporter's address for a browser on this machine.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        reachable(self.app.operator_address())
    }

    /// URL of the simulated Graph API.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        self.simulation.graph_url()
    }

    /// Runs both until `stop`.
    ///
    /// # Errors
    /// If either of them fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let simulation = self.simulation.run(stop.clone());
        let simulation = async { simulation.await.map_err(anyhow::Error::from) };
        tokio::try_join!(self.app.run(stop.clone()), simulation).map(|_| ())
    }
}

/// The configuration that an operator would write for this world.
fn environment(world: &World, speed: f64) -> FixedEnvironment {
    let interval = |at_speed_1: Duration| {
        let interval = at_speed_1
            .div_f64(speed.max(f64::EPSILON))
            .max(SHORTEST_INTERVAL);
        humantime::format_duration(Duration::from_millis(
            u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        ))
    };
    let accounts: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
    let file = format!(
        "poll:\n  numbers_interval: {}\n  account_interval: {}\n  templates_interval: {}\n  \
         access_interval: {}\n  drift_grace: 1s\n  calls_per_hour: 1000000\n  max_usage_ratio: 0.95\n",
        interval(NUMBERS_INTERVAL),
        interval(NODES_INTERVAL),
        interval(NODES_INTERVAL),
        interval(NODES_INTERVAL),
    );
    FixedEnvironment::default()
        .with_file(CONFIG_FILE, file)
        .with_variable("WHATSAPP_ACCESS_TOKEN", &world.app.token.text)
        .with_variable("WHATSAPP_APP_SECRET", &world.app.secret)
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", &world.app.verify_token)
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", accounts.join(","))
}

/// An address to connect to: loopback, if the listener is bound on all interfaces.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
