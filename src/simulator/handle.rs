//! The handle with which tests, game days and commands control the running simulation.

use std::sync::Arc;

use super::change::{Change, ChangeError, Webhook};
use super::fault::{Fault, FaultId};
use super::graph::{Endpoint, Request};
use super::shared::Shared;
use super::webhooks::{Delivery, Switch, Travel, handshake};
use super::world::World;

/// Cheap to clone; everything but the waiting is immediate.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) graph_url: String,
}

impl Handle {
    /// Base URL of the simulated Graph API, `http://127.0.0.1:PORT`, without a version.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        &self.graph_url
    }

    /// Lets a change happen; its webhooks are sent at once.
    ///
    /// # Errors
    /// If the change names a node that is not there.
    pub fn change(&self, change: Change) -> Result<Vec<Webhook>, ChangeError> {
        self.change_all(&[change], Travel::Sent)
    }

    /// Lets changes happen one after the other; their webhooks travel in one POST.
    ///
    /// # Errors
    /// The first change that cannot happen; the ones before it have happened.
    pub fn change_all(
        &self,
        changes: &[Change],
        travel: Travel,
    ) -> Result<Vec<Webhook>, ChangeError> {
        self.shared.change(changes, travel)
    }

    /// Edits the world directly; no webhook is sent.
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

    /// Takes one fault away.
    pub fn clear_fault(&self, id: FaultId) {
        self.shared.lock().faults.clear(id);
    }

    /// Takes every fault away.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear_all();
    }

    /// The calls to the Graph API, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.all()
    }

    /// How often an endpoint was called since the start.
    #[must_use]
    pub fn request_count(&self, endpoint: Endpoint) -> u64 {
        self.shared.lock().requests.count(endpoint)
    }

    /// The webhooks that were sent or lost, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.lock().outbox.deliveries()
    }

    /// Sets the callback URL; `None` loses webhooks.
    pub fn set_callback_url(&self, callback_url: Option<String>) {
        self.edit(|world| world.app.callback_url = callback_url);
    }

    /// Switches webhooks on, or off as if nobody had subscribed.
    pub fn webhooks_on(&self, is_on: bool) {
        self.switch_webhooks(if is_on { Switch::On } else { Switch::Off });
    }

    /// Switches webhooks on, off, or to be lost on the way.
    pub fn switch_webhooks(&self, switch: Switch) {
        self.shared.lock().outbox.switch = switch;
    }

    /// Does the verification handshake with the callback.
    ///
    /// # Errors
    /// What was wrong with the answer, or that there is no callback.
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

    /// Waits until `is_so` holds; looks again whenever anything happens.
    pub async fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let mut happened = self.shared.happened.subscribe();
        loop {
            happened.borrow_and_update();
            if is_so(self) || happened.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until nothing is on its way to the callback, late webhooks and retries included.
    pub async fn settled(&self) {
        self.until(|handle| handle.shared.lock().outbox.is_settled())
            .await;
    }
}
