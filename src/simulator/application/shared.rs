//! State that the application's server and its reporter share. The locks are never held across an `await`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::behaviour::Behaviour;
use super::event_queue::EventQueue;

/// The shared state.
#[derive(Debug)]
pub(super) struct SharedApplication {
    /// Secret of the signatures of deliveries.
    pub app_secret: String,
    /// Start time of the application.
    pub start: Instant,
    /// Cancelled when the application ends.
    pub stopping: CancellationToken,
    behaviour: Mutex<Behaviour>,
    events: Mutex<EventQueue>,
}

impl SharedApplication {
    /// The state at the start.
    pub fn new(app_secret: String, behaviour: Behaviour) -> Self {
        Self {
            app_secret,
            start: Instant::now(),
            stopping: CancellationToken::new(),
            behaviour: Mutex::new(behaviour),
            events: Mutex::default(),
        }
    }

    /// Locks the behaviour.
    pub fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the queue of events.
    pub fn events(&self) -> MutexGuard<'_, EventQueue> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
