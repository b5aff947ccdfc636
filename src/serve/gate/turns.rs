//! The order in which password guesses are verified, one at a time.
//!
//! Known names come before unknown ones, so that a flood of invented names does not delay users. Clients take turns,
//! so that the guesses of one client do not delay others. Within one client, the newest guess comes first: a client
//! that guesses endlessly delays its own old guesses, and the correct password is verified next.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Lane of a guess; the first lane is always served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Known,
    Unknown,
}

/// Assigns turns. The number of waiting requests is bounded by the limits on connections and streams.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<TurnQueue>);

#[derive(Debug, Default)]
struct TurnQueue {
    is_taken: bool,
    lanes: [Clients; 2],
}

/// The guesses of a lane, by client.
#[derive(Debug, Default)]
struct Clients {
    order: VecDeque<Option<IpAddr>>,
    guesses: HashMap<Option<IpAddr>, Vec<oneshot::Sender<Turn>>>,
}

/// The right to verify one guess. Dropping it passes the turn on.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` after it has been returned.
    turns: Option<Arc<Turns>>,
}

impl Turns {
    /// Waits for a turn.
    pub async fn take(self: &Arc<Self>, lane: Lane, client: Option<IpAddr>) -> Option<Turn> {
        let waiting = {
            let mut state = self.lock();
            if !state.is_taken {
                state.is_taken = true;
                let turns = Some(Arc::clone(self));
                return Some(Turn { turns });
            }
            let (sender, waiting) = oneshot::channel();
            state.lanes[lane as usize].push(client, sender);
            waiting
        };
        waiting.await.ok()
    }

    /// Passes the turn to the next request that still waits.
    fn hand_over(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let next = state.lanes.iter_mut().find_map(Clients::pop);
                state.is_taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            let turns = Some(Arc::clone(self));
            match next.send(Turn { turns }) {
                Ok(()) => return,
                // Its client has disconnected. The turn is not dropped here, but offered to the next request.
                Err(mut turn) => turn.turns = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, TurnQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clients {
    fn push(&mut self, client: Option<IpAddr>, guess: oneshot::Sender<Turn>) {
        let guesses = self.guesses.entry(client).or_default();
        if guesses.is_empty() {
            self.order.push_back(client);
        }
        // Requests of disconnected clients are removed when another one arrives, so that they do not accumulate.
        guesses.retain(|guess| !guess.is_closed());
        guesses.push(guess);
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let client = self.order.pop_front()?;
        let guesses = self.guesses.get_mut(&client)?;
        let guess = guesses.pop();
        if guesses.is_empty() {
            self.guesses.remove(&client);
        } else {
            self.order.push_back(client);
        }
        guess
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.hand_over();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;

    use super::*;

    const NOBODY: Option<IpAddr> = None;

    fn client(last_byte: u8) -> Option<IpAddr> {
        Some([192, 0, 2, last_byte].into())
    }

    /// Guesses in the order in which they had their turn.
    #[derive(Clone, Default)]
    struct ServedOrder(Arc<Mutex<Vec<&'static str>>>);

    async fn guess(
        turns: &Arc<Turns>,
        served: &ServedOrder,
        (name, lane, client): (&'static str, Lane, Option<IpAddr>),
    ) -> JoinHandle<()> {
        let (turns, served) = (Arc::clone(turns), served.clone());
        let task = tokio::spawn(async move {
            let _turn = turns.take(lane, client).await.expect("a turn");
            served.0.lock().expect("unpoisoned").push(name);
        });
        // The test runs on one thread, so the task is waiting after this.
        tokio::task::yield_now().await;
        task
    }

    #[tokio::test]
    async fn known_names_come_first_then_clients_in_turn_with_their_newest_guess() {
        let (turns, served) = (Arc::<Turns>::default(), ServedOrder::default());
        let first = turns.take(Lane::Unknown, NOBODY).await;
        let mut tasks = Vec::new();
        for it in [
            ("unknown", Lane::Unknown, client(1)),
            ("old", Lane::Known, client(1)),
            ("older", Lane::Known, client(1)),
            ("new", Lane::Known, client(1)),
            ("other", Lane::Known, client(2)),
        ] {
            tasks.push(guess(&turns, &served, it).await);
        }
        drop(first);
        for task in tasks {
            task.await.expect("no panic");
        }
        let served = served.0.lock().expect("unpoisoned").clone();
        assert_eq!(served, ["new", "other", "older", "old", "unknown"]);
    }

    #[tokio::test]
    async fn guesses_of_disconnected_clients_delay_nobody() {
        let (turns, served) = (Arc::<Turns>::default(), ServedOrder::default());
        let first = turns.take(Lane::Known, NOBODY).await;
        let gone = guess(&turns, &served, ("gone", Lane::Known, client(1))).await;
        let left = guess(&turns, &served, ("left", Lane::Known, client(2))).await;
        gone.abort();
        drop(gone.await);
        drop(first);
        left.await.expect("no panic");
        assert_eq!(*served.0.lock().expect("unpoisoned"), ["left"]);
        // The turn was passed to a request that disconnects at the same moment, so it must come back.
        assert!(turns.take(Lane::Known, NOBODY).await.is_some());
        assert!(!turns.lock().is_taken);
    }
}
