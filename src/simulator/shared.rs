//! State that the server, the sender, the story and the handle share.
//!
//! One mutex protects all of it. It is held for microseconds and never across an `await`, and it makes a change and its
//! webhooks one atomic step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::change::{Change, ChangeError, Webhook};
use super::clock::Clock;
use super::fault::Faults;
use super::graph::{Quota, Requests};
use super::webhooks::{Outbox, Travel};
use super::world::World;

/// Everything behind the lock.
#[derive(Debug)]
pub struct State {
    /// The state of Meta.
    pub world: World,
    /// Calls counted against each account.
    pub quota: Quota,
    /// Faults in force.
    pub faults: Faults,
    /// The recorded calls.
    pub requests: Requests,
    /// The queued and the recorded webhooks.
    pub outbox: Outbox,
    /// How many calls were answered; the trace ids are made of it.
    pub answers: u64,
}

/// The lock and what may be used without it.
#[derive(Debug)]
pub struct Shared {
    state: Mutex<State>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sends webhooks and handshakes.
    pub client: reqwest::Client,
    /// Cancelled when the simulation ends.
    pub stopping: CancellationToken,
    /// Wakes the sender.
    pub wake: Notify,
    /// Counts whatever happens, for those who wait for something.
    pub happened: watch::Sender<u64>,
}

impl Shared {
    /// Wraps the state.
    pub fn new(state: State, clock: Arc<dyn Clock>, client: reqwest::Client) -> Self {
        Self {
            state: Mutex::new(state),
            clock,
            client,
            stopping: CancellationToken::new(),
            wake: Notify::new(),
            happened: watch::Sender::new(0),
        }
    }

    /// The state. A panic of somebody who held the lock (a failed assertion in a test's closure) does
    /// not make it unusable for the rest.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that something happened.
    pub fn announce(&self) {
        self.happened
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Lets changes happen, one after the other, and sends their webhooks in one POST.
    ///
    /// # Errors
    /// The first change that cannot happen; the ones before it have happened and are sent.
    pub fn change(&self, changes: &[Change], travel: Travel) -> Result<Vec<Webhook>, ChangeError> {
        let now = self.clock.now();
        let mut webhooks = Vec::new();
        let mut state = self.lock();
        let outcome = changes.iter().try_for_each(|change| {
            webhooks.extend(state.world.apply(change, now)?);
            Ok(())
        });
        let State { world, outbox, .. } = &mut *state;
        outbox.post(world, &webhooks, travel, now, Instant::now());
        drop(state);
        self.wake.notify_one();
        self.announce();
        outcome.map(|()| webhooks)
    }

    /// Sends webhooks that no change causes: messages.
    pub fn send(&self, webhooks: &[Webhook]) {
        let now = self.clock.now();
        let mut state = self.lock();
        let State { world, outbox, .. } = &mut *state;
        outbox.post(world, webhooks, Travel::Sent, now, Instant::now());
        drop(state);
        self.wake.notify_one();
        self.announce();
    }
}
