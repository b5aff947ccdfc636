//! An active request: while its handler works, it protects its connection from being closed.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::connection::{Connection, HEAD_START};
use super::lock;
use super::precedence::Precedence;

/// Stage of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client sends the body, or the request waits for its turn.
    Waiting,
    /// The handler has the whole request, and its connection is protected.
    Working,
    /// As `Working`, but the share of its precedence is used up: the connection may be closed.
    Unprotected,
    /// The client reads the response. This stage is final: reading and discarding a body must not protect the
    /// connection again.
    Responding,
}

/// An active request. Cheap to clone; the request ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(in crate::serve) struct ActiveRequest(Arc<RequestState>);

#[derive(Debug)]
struct RequestState {
    connection: Arc<Connection>,
    precedence: Precedence,
    stage: Mutex<Stage>,
}

/// A pause in the handler's work, which resumes when this is dropped.
#[derive(Debug)]
pub(in crate::serve) struct WorkPause(ActiveRequest);

impl Connection {
    /// Starts a request whose body has not been read yet.
    pub fn begin(self: &Arc<Self>, precedence: Precedence) -> ActiveRequest {
        let mut activity = lock(&self.activity);
        activity.requests += 1;
        // With HTTP/2, a further request must not restart the phase: a client could begin requests to avoid being
        // slow.
        if activity.requests == 1 {
            self.start_phase(&mut activity);
            activity.head_start = match precedence {
                Precedence::Ordinary => Duration::ZERO,
                Precedence::Delivery | Precedence::Scrape | Precedence::Probe => HEAD_START,
            };
        }
        ActiveRequest(Arc::new(RequestState {
            connection: Arc::clone(self),
            precedence,
            stage: Mutex::new(Stage::Waiting),
        }))
    }
}

impl ActiveRequest {
    /// The connection of the request.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    /// Call when the whole request has arrived: its handler works from now on.
    pub fn work(&self) {
        let RequestState {
            connection,
            precedence,
            stage,
        } = &*self.0;
        // Invariant: `LimiterState::protected` and `Activity::protected` count the requests in `Stage::Working`. Both
        // change under the lock of the stage that enters or leaves it. Lock order: stage, then activity.
        let mut stage = lock(stage);
        if *stage != Stage::Waiting {
            return;
        }
        if !connection.shared.protect(*precedence) {
            *stage = Stage::Unprotected;
            return;
        }
        *stage = Stage::Working;
        lock(&connection.activity).protected += 1;
    }

    /// Call when the request waits for its turn: its connection is not protected meanwhile.
    pub fn wait(&self) {
        self.stop_work(Stage::Waiting);
    }

    /// Call when the response begins, even if the request's body is still being discarded.
    pub fn respond(&self) {
        self.stop_work(Stage::Responding);
    }

    fn stop_work(&self, next: Stage) {
        let connection = &self.0.connection;
        let mut stage = lock(&self.0.stage);
        if *stage == Stage::Responding {
            return;
        }
        let previous = std::mem::replace(&mut *stage, next);
        if previous == Stage::Waiting {
            return;
        }
        let mut activity = lock(&connection.activity);
        if previous == Stage::Working {
            connection.shared.protected.fetch_sub(1, Ordering::Relaxed);
            activity.protected -= 1;
        }
        // The handler's time must not count as the client's delay, whether the request was protected or not.
        if activity.protected == 0 {
            connection.start_phase(&mut activity);
            activity.head_start = HEAD_START;
        }
    }

    /// Makes the request wait until the pause is dropped.
    pub fn pause(&self) -> WorkPause {
        self.wait();
        WorkPause(self.clone())
    }
}

impl Drop for WorkPause {
    fn drop(&mut self) {
        self.0.work();
    }
}

impl Drop for RequestState {
    fn drop(&mut self) {
        let is_working = *lock(&self.stage) == Stage::Working;
        let mut activity = lock(&self.connection.activity);
        if is_working {
            let protected = &self.connection.shared.protected;
            protected.fetch_sub(1, Ordering::Relaxed);
            activity.protected -= 1;
        }
        activity.requests -= 1;
        if activity.requests == 0 {
            self.connection.start_phase(&mut activity);
            // The last bytes of the response may still be on their way to the socket.
            activity.head_start = HEAD_START;
        }
    }
}
