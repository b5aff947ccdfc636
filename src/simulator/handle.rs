//! The handle with which tests, game days and commands control the running simulation.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::change::{ChangeError, Webhook, WorldChange};
use super::customers::{CustomersStarted, Figure, StartError};
use super::fault::{Fault, FaultId};
use super::graph::{AnsweredRequest, Endpoint};
use super::shared::{SharedSimulator, SimulatorState};
use super::webhooks::{SimulatedDelivery, Travel, WebhookSwitch, handshake};
use super::world::World;

/// Controls a running simulation. Cheap to clone; only waiting methods block.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) shared: Arc<SharedSimulator>,
    pub(super) graph_url: String,
}

impl Handle {
    /// Base URL of the simulated Graph API, `http://127.0.0.1:PORT`, without a version.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        &self.graph_url
    }

    /// Applies a change; its webhooks are sent immediately.
    ///
    /// # Errors
    /// If the change names a node that does not exist.
    pub fn change(&self, change: WorldChange) -> Result<Vec<Webhook>, ChangeError> {
        self.change_all(&[change], Travel::Sent)
    }

    /// Applies changes one after the other; their webhooks are sent in one POST.
    ///
    /// # Errors
    /// The error of the first invalid change; the changes before it have been applied.
    pub fn change_all(
        &self,
        changes: &[WorldChange],
        travel: Travel,
    ) -> Result<Vec<Webhook>, ChangeError> {
        self.shared.change(changes, travel)
    }

    /// Edits the world directly, without webhooks.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut World) -> R) -> R {
        let result = edit(&mut self.shared.lock().world);
        self.shared.announce();
        result
    }

    /// Reads the world.
    pub fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.shared.lock().world)
    }

    /// Sets a fault for one endpoint (`None`: all), for the next `times` calls (`None`: until cleared).
    pub fn fault(&self, endpoint: Option<Endpoint>, times: Option<u32>, fault: Fault) -> FaultId {
        self.shared.lock().faults.set(endpoint, times, fault)
    }

    /// Clears one fault.
    pub fn clear_fault(&self, id: FaultId) {
        self.shared.lock().faults.clear(id);
    }

    /// Clears all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear_all();
    }

    /// The calls to the Graph API, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<AnsweredRequest> {
        self.shared.lock().requests.all()
    }

    /// Number of calls to an endpoint since the start.
    #[must_use]
    pub fn request_count(&self, endpoint: Endpoint) -> u64 {
        self.shared.lock().requests.count(endpoint)
    }

    /// The webhooks that were sent or lost, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<SimulatedDelivery> {
        self.shared.lock().outbox.deliveries()
    }

    /// Sets the callback URL; without one, webhooks are lost.
    pub fn set_callback_url(&self, callback_url: Option<String>) {
        self.edit(|world| world.app.callback_url = callback_url);
    }

    /// Enables or disables webhooks. Disabled means as if no app had subscribed.
    pub fn webhooks_on(&self, is_on: bool) {
        self.switch_webhooks(if is_on {
            WebhookSwitch::On
        } else {
            WebhookSwitch::Off
        });
    }

    /// Enables or disables webhooks, or makes them get lost.
    pub fn switch_webhooks(&self, switch: WebhookSwitch) {
        self.shared.lock().outbox.switch = switch;
    }

    /// Sets the share of webhooks in an unusual form; clamped to 0 to 1.
    pub fn set_quirks(&self, rate: f64) {
        self.shared.lock().outbox.quirks.set_rate(rate);
    }

    /// Sends webhooks that no change causes, such as messages, in one POST.
    pub fn send(&self, webhooks: &[Webhook]) {
        self.shared.send(webhooks);
    }

    /// Lets customers write to a number. `goals` are the ids of the replies that give them what they came for.
    ///
    /// # Errors
    /// If there are too many, or there is no such number.
    pub fn start_customers(
        &self,
        phone_number_id: &str,
        customers: usize,
        goals: &[String],
    ) -> Result<(), StartError> {
        let mut state = self.shared.lock();
        let SimulatorState {
            world,
            customers: crowd,
            ..
        } = &mut *state;
        crowd.start(world, phone_number_id, customers, goals, Instant::now())?;
        drop(state);
        self.shared.wake_customers.notify_one();
        Ok(())
    }

    /// How many customers there are, and how many have finished.
    #[must_use]
    pub fn customers(&self) -> CustomersStarted {
        self.shared.lock().customers.started()
    }

    /// The figures that an exporter must show about the customers' conversations.
    #[must_use]
    pub fn customer_figures(&self) -> BTreeMap<Figure, u64> {
        self.shared.lock().customers.expected().figures()
    }

    /// Performs the verification handshake with the callback.
    ///
    /// # Errors
    /// If there is no callback, or why its response is not valid.
    pub async fn verify_callback(&self) -> Result<(), String> {
        let (callback_url, verify_token) = self.look(|world| {
            (
                world.app.callback_url.clone(),
                world.app.verify_token.clone(),
            )
        });
        let callback_url = callback_url.ok_or("there is no callback URL")?;
        handshake::verify(&self.shared.client, &callback_url, &verify_token).await
    }

    /// Waits until `is_so` holds; checks again after every event.
    pub async fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let mut happened = self.shared.happened.subscribe();
        loop {
            happened.borrow_and_update();
            if is_so(self) || happened.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until no customer acts any more, and no webhook is queued or being sent, including late ones and retries.
    pub async fn settled(&self) {
        self.until(|handle| {
            let state = handle.shared.lock();
            state.customers.is_settled() && state.outbox.is_settled()
        })
        .await;
    }
}
