//! The demo: a simulated Meta, a simulated application and the exporter in one process, on loopback, without
//! configuration.
//!
//! The exporter is the real one, configured as an operator would. Only its surroundings are simulated. Its store
//! starts with a simulated past.

mod folder;
mod past;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

pub use folder::Folder;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::{BoundExporter, ConfigSources};
use crate::config::{Config, FixedEnvironment, Flags, ListenAddress};
use crate::domain::WabaId;
use crate::ingest::{CustomerHasher, CustomerKey};
use crate::simulator::application::{
    Application, ApplicationOptions, EventApi, GateApi, JOURNEY, JourneyVersion, PlannedCampaign,
    VERSIONS, idle_timeout,
};
use crate::simulator::world::World;
use crate::simulator::{DEFAULT_QUIRKS, Simulation, SimulationOptions};
use crate::store::Location;

/// Interval at speed 1: short enough that a change without a webhook is seen within one event of the story, and long
/// enough for the simulated quota.
const NUMBERS_INTERVAL: Duration = Duration::from_secs(3);
const NODES_INTERVAL: Duration = Duration::from_secs(4);

/// Customers of a planned campaign.
const CAMPAIGN_RECIPIENTS: u64 = 500;

/// Templates whose messages count as campaigns: the simulated Meta returns the template's name as
/// `biz_opaque_callback_data`.
const CAMPAIGNS: [&str; 3] = ["spring_offer", "summer_sale", "weekend_specials"];

/// Interval at speed 1. The figures change once a day.
const INSIGHTS_INTERVAL: Duration = Duration::from_secs(60);

/// The longest interval that the configuration allows.
const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);

/// The shortest interval that the configuration allows.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

const CONFIG_FILE: &str = "demo.yml";

/// Invented, like every secret of the simulation.
const EVENTS_TOKEN: &str = "demo-events-0123456789abcdef";

/// The flags with the settings that connect the exporter with the simulation.
fn with_own_settings(flags: Flags, listen: &ListenAddress, graph: &str, database: &Path) -> Flags {
    let store = format!("sqlite:{}", database.display());
    flags
        .with_config_file(Some(CONFIG_FILE.into()))
        .with("--web.listen-address", Some(listen.to_string()))
        .with("--webhook.listen-address", Some(listen.to_string()))
        .with("--graph.base-url", Some(graph.to_owned()))
        .with("--store.url", Some(store))
}

/// The simulations and the exporter, all bound.
pub struct Demo {
    app: BoundExporter,
    simulation: Simulation,
    application: Application,
    event_api: EventApi,
    gate_api: GateApi,
}

impl Demo {
    /// Plays the past into a new store in the folder, binds the simulations and the exporter, and configures each with
    /// the addresses of the others. `flags` are further settings of the exporter.
    ///
    /// # Errors
    /// If a port cannot be bound, or the store cannot be written.
    pub async fn bind(
        folder: &Folder,
        listen: &ListenAddress,
        seed: u64,
        speed: f64,
        flags: Flags,
    ) -> anyhow::Result<Self> {
        let database = folder.path().join("demo.db");
        let key_file = folder.path().join("demo.key");
        let key = CustomerKey::generate()?;
        write_secret(&key_file, key.file_text().expose_secret())?;
        let customers = CustomerHasher::new(&key);
        // Only the present is logged.
        let past = past::play(seed, &customers).with_subscriber(NoSubscriber::new());
        let past = past.await?;
        past::store(
            past.events,
            watched(&past.world),
            &Location::File(database.clone()),
            &key,
        )
        .await?;
        let options = SimulationOptions {
            seed,
            speed,
            play_story: true,
            world: Some(past.world),
            quirks: DEFAULT_QUIRKS,
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(options).await?;
        let handle = simulation.handle();
        let application = Application::bind(ApplicationOptions {
            seed,
            speed,
            app_secret: handle.look(|world| world.app.secret.clone()),
        })
        .await?;
        let file = [
            TEMPLATES_SECTION.to_owned(),
            poll_section(speed),
            insights_section(speed),
            relay_section(&application.webhook_url()),
            trackers_section(idle_timeout(speed), &key_file),
        ];
        let environment = handle.look(|world| environment(world, file.concat()));
        let source = ConfigSources {
            flags: with_own_settings(flags, listen, simulation.graph_url(), &database),
            environment: Box::new(environment),
        };
        let config = Config::load(&source.flags, source.environment.as_ref())?;
        let app = BoundExporter::bind(config, source)?;
        let public = format!("http://{}", reachable(app.public_address()));
        handle.set_callback_url(Some(format!("{public}/webhook")));
        let event_api = EventApi {
            url: format!("{public}/v1/events"),
            token: EVENTS_TOKEN.to_owned(),
        };
        let gate_api = GateApi {
            url: format!("{public}/api/v1/gate"),
            campaigns: handle.look(planned_campaigns),
        };
        Ok(Self {
            app,
            simulation,
            application,
            event_api,
            gate_api,
        })
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

    /// Runs all of them until `stop`.
    ///
    /// # Errors
    /// If one of them fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let simulation = self.simulation.run(stop.clone());
        let simulation = async { simulation.await.map_err(anyhow::Error::from) };
        let application = self
            .application
            .run(self.event_api, self.gate_api, stop.clone());
        let application = async { application.await.map_err(anyhow::Error::from) };
        let ended = tokio::try_join!(self.app.run(stop.clone()), simulation, application);
        ended.map(|_| ())
    }
}

/// One campaign for each name and language of a marketing template, from the first phone number of its account.
fn planned_campaigns(world: &World) -> Vec<PlannedCampaign> {
    let marketing = world.templates.values();
    let marketing = marketing.filter(|template| template.category == "MARKETING");
    let planned = marketing.filter_map(|template| {
        let account = world.accounts.get(&template.waba_id)?;
        Some(PlannedCampaign {
            phone_number_id: account.phone_number_ids.first()?.clone(),
            template: template.name.clone(),
            language: template.language.clone(),
            recipients: CAMPAIGN_RECIPIENTS,
        })
    });
    planned.collect()
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// The accounts of the world.
fn watched(world: &World) -> Vec<WabaId> {
    let ids = world.accounts.keys();
    ids.filter_map(|id| WabaId::parse(id)).collect()
}

/// The configuration that an operator would write for this world: the file, and the variables with the secrets.
fn environment(world: &World, file: String) -> FixedEnvironment {
    let accounts: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
    FixedEnvironment::default()
        .with_file(CONFIG_FILE, file)
        .with_variable("WHATSAPP_ACCESS_TOKEN", &world.app.token.text)
        .with_variable("WHATSAPP_APP_SECRET", &world.app.secret)
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", &world.app.verify_token)
        .with_variable("WHATSAPP_EVENTS_TOKEN", EVENTS_TOKEN)
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", accounts.join(","))
}

/// The world has few templates, so each has its series.
const TEMPLATES_SECTION: &str = "templates:\n  detail: all\n";

fn poll_section(speed: f64) -> String {
    let interval = |at_speed_1: Duration| {
        let interval = at_speed_1.div_f64(speed.max(f64::EPSILON));
        text(interval.max(SHORTEST_INTERVAL))
    };
    format!(
        "poll:\n  numbers_interval: {}\n  account_interval: {}\n  templates_interval: {}\n  \
         access_interval: {}\n  drift_grace: 1s\n  calls_per_hour: 1000000\n  max_usage_ratio: 0.95\n",
        interval(NUMBERS_INTERVAL),
        interval(NODES_INTERVAL),
        interval(NODES_INTERVAL),
        interval(NODES_INTERVAL),
    )
}

fn insights_section(speed: f64) -> String {
    let interval = INSIGHTS_INTERVAL.div_f64(speed.max(f64::EPSILON));
    let interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
    format!(
        "insights:\n  enabled: true\n  interval: {}\n",
        text(interval)
    )
}

/// Parked deliveries are kept for as long as possible, because a dropped one is a critical alert.
fn relay_section(webhook_url: &str) -> String {
    format!(
        "relay:\n  max_age: 7d\n  upstreams:\n    - name: application\n      url: {webhook_url}\n"
    )
}

/// Business hours around the clock: responses are measured by both clocks, at any time of the day.
fn trackers_section(idle_timeout: Duration, key_file: &Path) -> String {
    let journeys = VERSIONS.iter().map(|version| {
        let variants: Vec<&str> = version.paths.iter().filter_map(|path| path.variant).collect();
        format!(
            "    - name: {JOURNEY}\n      version: {}\n      steps: [{}]\n      variants: [{}]\n      \
             idle_timeout: {}\n",
            version.version,
            version.steps.join(", "),
            variants.join(", "),
            text(idle_timeout),
        )
    });
    let journeys: String = journeys.collect();
    let experiments = VERSIONS.iter().filter_map(experiment);
    let experiments: String = experiments.collect();
    format!(
        "trackers:\n  key_file: {}\n  business_hours: Mon-Sun 00:00-24:00\n  campaigns: [{}]\n  \
         journeys:\n{journeys}  experiments:\n{experiments}",
        key_file.display(),
        CAMPAIGNS.join(", "),
    )
}

/// Compares the variants of a version, if it has several.
fn experiment(version: &JourneyVersion) -> Option<String> {
    let variants: Vec<&str> = version
        .paths
        .iter()
        .filter_map(|path| path.variant)
        .collect();
    (variants.len() > 1).then(|| {
        format!(
            "    - name: {JOURNEY}-{}\n      journey: {JOURNEY}\n      version: {}\n      variants: [{}]\n      \
             metric: completion\n      smallest_effect: 10%\n",
            version.version,
            version.version,
            variants.join(", "),
        )
    })
}

/// A duration in the form of the configuration, in whole milliseconds.
fn text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

/// An address to connect to: loopback, if the listener is bound on all interfaces.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
