//! The memory that bodies share: taken in steps as bytes arrive, and given to the bodies that make progress.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::SMALL;
use super::progress::BodyProgress;

/// Minimum number of bytes taken from the budget at a time. Later steps double what a body has, so that a large body
/// does not wait for each of its packets.
const STEP: usize = 16 * 1024;

/// Interval at which a waiting body searches again for a slow one.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct BodyBudgetState {
    pub free: Arc<Semaphore>,
    /// Held by the one body that may exceed the budget.
    exception: Arc<tokio::sync::Mutex<()>>,
    next: AtomicU64,
    incomplete: Mutex<BTreeMap<u64, Arc<BodyProgress>>>,
}

/// Registers an incomplete body until this is dropped.
pub(super) struct Incomplete<'a> {
    shared: &'a BodyBudgetState,
    number: u64,
    pub progress: Arc<BodyProgress>,
}

/// A part of the budget.
#[derive(Debug, Default)]
pub(super) struct Memory {
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    exception: Option<OwnedMutexGuard<()>>,
}

impl BodyBudgetState {
    /// A budget of `bytes`, all of them free.
    pub fn new(bytes: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(bytes)),
            exception: Arc::default(),
            next: AtomicU64::new(0),
            incomplete: Mutex::default(),
        }
    }

    pub fn begin(&self) -> Incomplete<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(BodyProgress::new());
        self.incomplete().insert(number, Arc::clone(&progress));
        Incomplete {
            shared: self,
            number,
            progress,
        }
    }

    /// Takes memory for `length` bytes of a body that has at most `most` bytes in the end.
    pub async fn grow(
        &self,
        memory: &mut Memory,
        length: usize,
        most: usize,
        progress: &BodyProgress,
    ) {
        let missing = length.saturating_sub(memory.bytes + SMALL);
        if missing == 0 {
            return;
        }
        // Takes all that these bytes need at once: a body that waits while holding a part would make others wait.
        let step = missing.max(memory.bytes).max(STEP);
        let step = step.min(most.saturating_sub(memory.bytes)).max(missing);
        let permits = u32::try_from(step).expect("bodies are limited to megabytes");
        let permit = match Arc::clone(&self.free).try_acquire_many_owned(permits) {
            Ok(permit) => Some(permit),
            Err(_) if memory.exception.is_some() => None,
            Err(_) => self.wait(memory, permits, progress).await,
        };
        memory.bytes += step;
        match (&mut memory.permit, permit) {
            (Some(held), Some(more)) => held.merge(more),
            (held @ None, more) => *held = more,
            (Some(_), None) => {}
        }
    }

    /// Waits for a step of memory, or for the right to exceed the budget.
    async fn wait(
        &self,
        memory: &mut Memory,
        permits: u32,
        progress: &BodyProgress,
    ) -> Option<OwnedSemaphorePermit> {
        let began = Instant::now();
        progress.waits.store(true, Ordering::Relaxed);
        let step = Arc::clone(&self.free).acquire_many_owned(permits);
        let (mut step, exception) = (
            std::pin::pin!(step),
            Arc::clone(&self.exception).lock_owned(),
        );
        let mut exception = std::pin::pin!(exception);
        let permit = loop {
            self.drop_slow();
            tokio::select! {
                biased;
                permit = &mut step => break Some(permit.expect("the semaphore is never closed")),
                exception = &mut exception => {
                    memory.exception = Some(exception);
                    break None;
                }
                () = sleep(LOOK_AGAIN) => {}
            }
        };
        let waited = began.elapsed().as_millis() as u64;
        progress.waited.fetch_add(waited, Ordering::Relaxed);
        // Resets the silence before it counts again: while the body waited, the exporter did not read it.
        progress.touch();
        progress.waits.store(false, Ordering::Release);
        permit
    }

    /// Drops the bodies that stall or fall behind.
    fn drop_slow(&self) {
        let now = Instant::now();
        let incomplete = self.incomplete();
        let slow = incomplete.values().filter(|progress| progress.is_slow(now));
        slow.for_each(|progress| progress.dropped.cancel());
    }

    fn incomplete(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<BodyProgress>>> {
        self.incomplete
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Incomplete<'_> {
    fn drop(&mut self) {
        self.shared.incomplete().remove(&self.number);
    }
}
