//! A schedule: its size, the deliveries, and the faults.

use fastrand::Rng;

use super::wire::Event;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// SIGSTOP, and SIGCONT after a time.
    Pause(u64),
    /// The process ends. The server notices at once, or later if the host is lost.
    Kill {
        restart: u64,
        lingers: u64,
    },
    /// SIGTERM.
    Leave,
    /// Nothing passes the connection any more. The server notices after a time; the process after its time-out, or now.
    Cut {
        lingers: u64,
        is_noticed: bool,
    },
    RestartDatabase(u64),
    /// An administrator ends a session.
    EndSession,
    /// The locks of a session are gone, as with a proxy that shares sessions.
    LoseLocks,
}

#[derive(Debug)]
pub struct Plan {
    pub replicas: usize,
    pub shards: usize,
    pub accounts: usize,
    /// The last fault, except for the end of pauses.
    pub end: u64,
    pub faults: Vec<(u64, Fault)>,
    pub deliveries: Vec<(u64, Vec<Event>)>,
    /// The acknowledged deliveries so far.
    pub acknowledged: Vec<Event>,
}

/// Faults begin before.
const END: u64 = 9_000;

impl Plan {
    pub fn new(rng: &mut Rng) -> Self {
        let shards = rng.usize(2..=5);
        let accounts = shards + rng.usize(..2);
        let faults = (0..rng.usize(..7)).map(|_| (rng.u64(500..END), fault(rng)));
        let mut faults: Vec<_> = faults.collect();
        // Often two faults come together.
        if let [(first, _), (second, _), ..] = &mut faults[..]
            && rng.bool()
        {
            *second = *first + rng.u64(..1_500);
        }
        let mut key = 0;
        let deliveries = (0..rng.usize(4..16)).map(|_| {
            let time = rng.u64(..END);
            let events = (0..rng.usize(1..4)).map(|_| {
                key += 1;
                Event {
                    account: rng.usize(..accounts),
                    key,
                }
            });
            (time, events.collect())
        });
        let deliveries = deliveries.collect();
        Self {
            replicas: rng.usize(2..=4),
            shards,
            accounts,
            end: END + 1_500,
            faults,
            deliveries,
            acknowledged: Vec::new(),
        }
    }
}

/// Shorter or longer than the lease, the hold-off and the time until a session is terminated.
fn pause(rng: &mut Rng) -> u64 {
    match rng.u32(..3) {
        0 => rng.u64(..2_000),
        1 => rng.u64(2_000..6_000),
        _ => rng.u64(6_000..20_000),
    }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u32(..10) {
        0..3 => Fault::Pause(pause(rng)),
        3 => Fault::Kill {
            restart: rng.u64(..5_000),
            lingers: rng.u64(..5),
        },
        4 => Fault::Kill {
            restart: rng.u64(..5_000),
            lingers: pause(rng),
        },
        5 => Fault::Leave,
        6 => Fault::Cut {
            lingers: pause(rng),
            is_noticed: rng.bool(),
        },
        7 => Fault::RestartDatabase(rng.u64(50..3_000)),
        8 => Fault::EndSession,
        _ => Fault::LoseLocks,
    }
}
