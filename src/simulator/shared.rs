//! State that the server, the sender, the story and the handle share.
//!
//! One mutex protects all of it. It is held for microseconds and never across an `await`, and it makes a change and
//! its webhooks one atomic step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::change::{ChangeError, Webhook, WorldChange};
use super::clock::Clock;
use super::customers::Customers;
use super::fault::Faults;
use super::graph::{Quota, Requests};
use super::webhooks::{Outbox, Travel};
use super::world::World;

/// Everything that the lock protects.
#[derive(Debug)]
pub struct SimulatorState {
    /// The state of Meta.
    pub world: World,
    /// Calls counted against the quota of each account.
    pub quota: Quota,
    /// Active faults.
    pub faults: Faults,
    /// The recorded calls.
    pub requests: Requests,
    /// The queued and the recorded webhooks.
    pub outbox: Outbox,
    /// The customers.
    pub customers: Customers,
    /// Number of responses, from which trace ids are derived.
    pub answers: u64,
}

/// The locked state, and what can be used without the lock.
#[derive(Debug)]
pub struct SharedSimulator {
    state: Mutex<SimulatorState>,
    /// Source of the time.
    pub clock: Arc<dyn Clock>,
    /// Sends webhooks and handshakes.
    pub client: reqwest::Client,
    /// Cancelled when the simulation ends.
    pub stopping: CancellationToken,
    /// Wakes the sender.
    pub wake: Notify,
    /// Wakes the customers.
    pub wake_customers: Notify,
    /// Counts events, for tasks that wait for one.
    pub happened: watch::Sender<u64>,
}

impl SharedSimulator {
    /// Wraps the state.
    pub fn new(state: SimulatorState, clock: Arc<dyn Clock>, client: reqwest::Client) -> Self {
        Self {
            state: Mutex::new(state),
            clock,
            client,
            stopping: CancellationToken::new(),
            wake: Notify::new(),
            wake_customers: Notify::new(),
            happened: watch::Sender::new(0),
        }
    }

    /// Locks the state, even if a panic (such as a failed assertion in a test's closure) has poisoned the lock.
    pub fn lock(&self) -> MutexGuard<'_, SimulatorState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies waiting tasks that something happened.
    pub fn announce(&self) {
        self.happened
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Applies changes one after the other, and sends their webhooks in one POST.
    ///
    /// # Errors
    /// The error of the first invalid change. The changes before it have been applied, and their webhooks are sent.
    pub fn change(
        &self,
        changes: &[WorldChange],
        travel: Travel,
    ) -> Result<Vec<Webhook>, ChangeError> {
        let now = self.clock.now();
        let mut webhooks = Vec::new();
        let mut state = self.lock();
        let outcome = changes.iter().try_for_each(|change| {
            webhooks.extend(state.world.apply(change, now)?);
            Ok(())
        });
        let SimulatorState { world, outbox, .. } = &mut *state;
        outbox.post(world, &webhooks, travel, now, Instant::now());
        drop(state);
        self.wake.notify_one();
        self.announce();
        outcome.map(|()| webhooks)
    }

    /// Sends webhooks that no change causes, such as messages.
    pub fn send(&self, webhooks: &[Webhook]) {
        let now = self.clock.now();
        let mut state = self.lock();
        let SimulatorState { world, outbox, .. } = &mut *state;
        outbox.post(world, webhooks, Travel::Sent, now, Instant::now());
        drop(state);
        self.wake.notify_one();
        self.announce();
    }
}
