//! Lets the customers act at their times.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::simulator::shared::{SharedSimulator, SimulatorState};

/// Sleep while no action is due; new customers and messages wake the task.
const IDLE: Duration = Duration::from_secs(3_600);
/// Shortest time between two rounds, so that webhooks of several customers share a POST as Meta's do.
const ROUND: Duration = Duration::from_millis(100);

/// Runs until the simulation ends.
pub(in crate::simulator) async fn run(shared: &SharedSimulator) {
    loop {
        let now = Instant::now();
        let due = act(shared, now).unwrap_or(now + IDLE);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = sleep_until(due.max(now + ROUND)) => {}
            () = shared.wake_customers.notified() => {
                tokio::time::sleep(ROUND).await;
            }
        }
    }
}

/// Sends what is due. Returns the time of what is due next.
fn act(shared: &SharedSimulator, now: Instant) -> Option<Instant> {
    let at = shared.clock.now();
    let mut state = shared.lock();
    let SimulatorState {
        world,
        outbox,
        customers,
        ..
    } = &mut *state;
    let posts = customers.take_due(world, at, now);
    for post in &posts {
        outbox.post(world, &post.webhooks, post.travel, at, now);
    }
    let due = customers.next_due();
    drop(state);
    if !posts.is_empty() {
        shared.wake.notify_one();
    }
    shared.announce();
    due
}
