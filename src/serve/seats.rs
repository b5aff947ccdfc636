//! How many connections a listener has at once, and who has to leave when there are more.
//!
//! Idle connections cost nothing but their number, and an attacker has many. So nobody waits for them:
//! whoever comes when all seats are taken has the one that has been idle the longest closed. A connection
//! with a request under way keeps its seat.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How soon it is looked again whether somebody has become idle, where all were busy.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The seats of one listener.
#[derive(Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Those without a request under way, by how long.
#[derive(Debug, Default)]
struct Idle {
    next: u64,
    seats: BTreeMap<u64, CancellationToken>,
}

/// One connection's seat, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    idle: Arc<Mutex<Idle>>,
    taken: Mutex<Taken>,
    closed: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct Taken {
    requests: usize,
    /// Where it stands among the idle.
    place: Option<u64>,
}

/// A request under way; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Seat>);

impl Seats {
    pub fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            idle: Arc::default(),
        }
    }

    /// A seat; where none is free, at the cost of who has been idle the longest. Says whether it was.
    pub async fn take(&self) -> (Arc<Seat>, bool) {
        let mut has_closed = false;
        loop {
            let waiting = match Arc::clone(&self.free).try_acquire_owned() {
                Ok(permit) => return (self.seat(permit), has_closed),
                Err(_) => Arc::clone(&self.free).acquire_owned(),
            };
            has_closed |= self.close_longest_idle();
            if let Ok(Ok(permit)) = tokio::time::timeout(LOOK_AGAIN, waiting).await {
                return (self.seat(permit), has_closed);
            }
        }
    }

    fn seat(&self, permit: OwnedSemaphorePermit) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            idle: Arc::clone(&self.idle),
            taken: Mutex::default(),
            closed: CancellationToken::new(),
            _permit: permit,
        });
        seat.become_idle(&mut lock(&seat.taken));
        seat
    }

    fn close_longest_idle(&self) -> bool {
        let longest = lock(&self.idle).seats.pop_first();
        longest.inspect(|(_, seat)| seat.cancel()).is_some()
    }
}

impl Seat {
    /// Cancelled when the connection has to leave.
    pub fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// A request begins.
    pub fn begin(self: &Arc<Self>) -> Busy {
        let mut taken = lock(&self.taken);
        taken.requests += 1;
        if let Some(place) = taken.place.take() {
            lock(&self.idle).seats.remove(&place);
        }
        Busy(Arc::clone(self))
    }

    fn become_idle(&self, taken: &mut Taken) {
        let mut idle = lock(&self.idle);
        let place = idle.next;
        idle.next += 1;
        idle.seats.insert(place, self.closed.clone());
        taken.place = Some(place);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut taken = lock(&self.0.taken);
        taken.requests -= 1;
        if taken.requests == 0 {
            self.0.become_idle(&mut taken);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(place) = lock(&self.taken).place {
            lock(&self.idle).seats.remove(&place);
        }
    }
}

/// What these guard is whole between any two lines.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_idle_leaves_and_the_busy_stay() {
        let seats = Seats::new(3);
        let (busy, _) = seats.take().await;
        let request = busy.begin();
        let (second, _) = seats.take().await;
        let (third, closed) = seats.take().await;
        assert!(!closed, "there were three");
        // The second has just answered: the third has been idle for longer.
        drop(second.begin());
        let coming = tokio::spawn(async move { seats.take().await });
        third.closed().cancelled().await;
        drop(third);
        let (_fourth, closed) = coming.await.expect("no panic");
        assert!(closed && !busy.closed().is_cancelled() && !second.closed().is_cancelled());
        drop(request);
    }

    #[tokio::test]
    async fn where_all_are_busy_the_first_to_end_leaves() {
        let seats = Seats::new(1);
        let (seat, _) = seats.take().await;
        let request = seat.begin();
        let coming = tokio::spawn(async move { seats.take().await });
        tokio::time::sleep(LOOK_AGAIN).await;
        assert!(!seat.closed().is_cancelled());
        drop(request);
        seat.closed().cancelled().await;
        drop(seat);
        assert!(coming.await.expect("no panic").1);
    }
}
