//! A simulated application of the business, which runs beside the exporter.
//!
//! It receives the deliveries that the exporter relays, reports replies and journeys to the exporter's event API, and
//! queries the send gate before campaigns.
//!
//! Invariant: what it does depends only on the seed, the time and the deliveries.
//!
//! ```text
//! exporter ─▶ deliveries ─▶ Behaviour ─▶ status, delay
//!                 └───────▶ replies ──┐
//! SessionSchedule ─▶ steps, goals ────┴─▶ EventQueue ─▶ exporter
//! ```

mod behaviour;
mod campaigns;
mod delivery;
mod event_queue;
mod journey;
mod pace;
mod reporter;
mod schedule;
mod server;
mod session;
mod shared;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::behaviour::Behaviour;
use self::schedule::SessionSchedule;
use self::shared::SharedApplication;
use super::clock::{Clock, SystemClock};
use super::serve::serve;
use super::simulation::{client, valid_speed};

pub use campaigns::{GateApi, PlannedCampaign};
pub use journey::{JOURNEY, JourneyPath, JourneyVersion, VERSIONS, idle_timeout};
pub use reporter::EventApi;

/// Options of the application.
#[derive(Debug, Clone)]
pub struct ApplicationOptions {
    /// Determines responses and sessions.
    pub seed: u64,
    /// Seconds of the application per real second; clamped to 0.01 to 1000.
    pub speed: f64,
    /// Secret of the signatures of deliveries.
    pub app_secret: String,
}

/// An application that is bound, but does not respond yet.
#[derive(Debug)]
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    options: ApplicationOptions,
    client: reqwest::Client,
}

impl Application {
    /// Binds a loopback port.
    ///
    /// # Errors
    /// If no port can be bound, or the HTTP client cannot be built.
    pub async fn bind(options: ApplicationOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            options,
            client: client()?,
        })
    }

    /// URL to which the exporter relays deliveries.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("http://{}{}", self.address, server::PATH)
    }

    /// Responds to deliveries, reports events and queries the send gate until `stop` is cancelled, then ends at once.
    ///
    /// # Errors
    /// If the server fails.
    pub async fn run(
        self,
        api: EventApi,
        gate: GateApi,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let ApplicationOptions {
            seed,
            speed,
            app_secret,
        } = self.options;
        let (clock, speed) = (SystemClock, valid_speed(speed));
        let schedule = SessionSchedule::new(seed, speed, clock.now());
        let behaviour = Behaviour::new(seed, speed);
        let shared = Arc::new(SharedApplication::new(app_secret, behaviour));
        let router = server::router(Arc::clone(&shared));
        let background = async {
            tokio::join!(
                reporter::run(&shared, &self.client, &api, &clock, schedule),
                campaigns::run(&shared, &self.client, &gate),
            );
        };
        serve(self.listener, router, background, stop, &shared.stopping).await
    }
}
