//! A simulated Meta that runs until the test drops it, and small worlds for it.

use std::ops::Deref;

use tokio_util::sync::{CancellationToken, DropGuard};
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber, Template};
use whatsapp_business_exporter::simulator::{
    Fault, Handle, Simulation, SimulationOptions, World, WorldChange,
};

/// The account that every small world has: the one of [`super::waba`].
pub const WABA: &str = "800100200300400";
/// Its number and its template, where a world has one of each.
pub const NUMBER: &str = "900100200300400";
pub const TEMPLATE: &str = "7001002003004005";

/// Seconds of the simulation in one real second: repeats and late webhooks come at once.
const SPEED: f64 = 20.0;

/// A running simulation without a story. Ends with the test that holds it.
pub struct Meta {
    handle: Handle,
    _stop_when_dropped: DropGuard,
}

impl Meta {
    pub async fn new(world: World) -> Self {
        Self::with(SimulationOptions {
            world: Some(world),
            speed: SPEED,
            ..SimulationOptions::default()
        })
        .await
    }

    pub async fn with(options: SimulationOptions) -> Self {
        let simulation = Simulation::bind(options).await.expect("a free port");
        let handle = simulation.handle();
        let stop = CancellationToken::new();
        tokio::spawn(simulation.run(stop.clone()));
        Self {
            handle,
            _stop_when_dropped: stop.drop_guard(),
        }
    }

    /// Applies a change to the world.
    pub fn let_happen(&self, change: WorldChange) {
        self.change(change).expect("the world has the node");
    }
}

impl Deref for Meta {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

/// One account with nothing in it.
pub fn bare_world() -> World {
    World::empty().with_account(Account::new(WABA, "Fern & Moss"))
}

/// An error of the Graph API, without subcode and `is_transient`.
pub fn graph_error(status: u16, code: u32, message: &str) -> Fault {
    Fault::GraphError {
        status,
        code,
        subcode: None,
        message: message.into(),
        is_transient: None,
    }
}

/// One account with one number and one template.
pub fn small_world() -> World {
    let number = PhoneNumber::new(NUMBER, "+1 555-010-0199", "Fern & Moss");
    let mut template = Template::new(TEMPLATE, "spring_offer");
    template.quality_score = "GREEN".into();
    bare_world()
        .with_phone_number(WABA, number)
        .with_template(WABA, template)
}
