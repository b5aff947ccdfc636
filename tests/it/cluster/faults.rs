//! Faults of replicas and of the database at random times.

use std::time::Duration;

use rustix::process::Signal;

use super::replicas::Cluster;
use crate::support::postgres::PostgresServer;

/// The others end the session of a replica that stops for longer.
const PAUSED_FOR: Duration = Duration::from_secs(11);

/// Longest time in which a killed replica is not started again.
const LONGEST_DOWN_MS: u64 = 3_000;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL, and a start after a while.
    Killed,
    /// SIGSTOP for longer than the limits, then SIGCONT.
    Paused,
    /// SIGSTOP, and in that time another replica is killed and started again.
    PausedAndKilled,
    /// SIGTERM, and a start.
    Restarted,
    /// The database crashes and starts again.
    DatabaseCrashed,
}

impl Fault {
    pub const ALL: [Self; 5] = [
        Self::Killed,
        Self::Paused,
        Self::PausedAndKilled,
        Self::Restarted,
        Self::DatabaseCrashed,
    ];

    /// Executes the fault, and returns when all processes run again.
    pub fn strike(self, cluster: &Cluster, server: &PostgresServer, dice: &mut fastrand::Rng) {
        let count = cluster.replicas.len();
        let victim = dice.usize(0..count);
        let replica = &cluster.replicas[victim];
        let other = &cluster.replicas[(victim + dice.usize(1..count)) % count];
        match self {
            Self::Killed => {
                replica.kill();
                pass(dice, LONGEST_DOWN_MS);
                replica.start();
            }
            Self::Paused => {
                replica.signal(Signal::STOP);
                std::thread::sleep(PAUSED_FOR);
                replica.signal(Signal::CONT);
            }
            Self::PausedAndKilled => {
                replica.signal(Signal::STOP);
                pass(dice, LONGEST_DOWN_MS);
                other.kill();
                other.start();
                std::thread::sleep(PAUSED_FOR);
                replica.signal(Signal::CONT);
            }
            Self::Restarted => {
                replica.stop();
                replica.start();
            }
            Self::DatabaseCrashed => server.restart_immediate(),
        }
    }
}

/// Waits for a random time, so that the next fault comes at any time.
pub fn pass(dice: &mut fastrand::Rng, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(dice.u64(0..most_ms)));
}
