//! Clients that send deliveries, and try the next replica when one does not acknowledge.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::deliveries::send;
use super::ledger::Ledger;
use super::replicas::Cluster;
use super::scrapes::Scrapes;

/// A replica that may be paused has failed if it does not respond within this time.
pub const IMPATIENT: Duration = Duration::from_secs(2);

/// Where no replica is paused, a replica may be slow on a busy machine, and has not failed.
pub const PATIENT: Duration = Duration::from_secs(60);

/// Pause between two deliveries of a client, which leaves processor time for the replicas.
const PAUSE: Duration = Duration::from_millis(8);

/// Longest time until another delivery is acknowledged.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a cluster is put under load.
#[derive(Clone, Copy)]
pub struct Load {
    /// Number of clients.
    pub senders: usize,
    /// How many further replicas a client tries.
    pub next: usize,
    /// How long a client waits for a response.
    pub timeout: Duration,
}

/// The facts that the clients have sent so far.
pub struct Sent<'a>(&'a Mutex<Ledger>);

impl Sent<'_> {
    /// Number of acknowledged facts.
    fn acknowledged(&self) -> usize {
        self.0.lock().expect("no panic").acknowledged.len()
    }

    /// Waits for so many acknowledged facts more.
    pub fn until_more(&self, facts: usize) {
        let (mut known, mut since) = (self.acknowledged(), Instant::now());
        let count = known + facts;
        while known < count {
            assert!(since.elapsed() < PATIENCE, "{known} of {count} facts");
            std::thread::sleep(PAUSE);
            let more = self.acknowledged();
            if more > known {
                (known, since) = (more, Instant::now());
            }
        }
    }
}

impl Load {
    /// Sends deliveries to the cluster and scrapes each of its replicas while `work` goes on. Returns its result, with what
    /// was sent and scraped.
    pub fn during<T>(
        self,
        cluster: &Cluster,
        ledger: Ledger,
        dice: &mut fastrand::Rng,
        work: impl FnOnce(&mut fastrand::Rng, &Sent<'_>) -> T,
    ) -> (T, Ledger, Scrapes) {
        let (ledger, scrapes) = (Mutex::new(ledger), Scrapes::default());
        let (addresses, is_over) = (cluster.addresses(), AtomicBool::new(false));
        let result = std::thread::scope(|scope| {
            let (addresses, ledger, scrapes, is_over) = (&addresses, &ledger, &scrapes, &is_over);
            let _end = EndOnDrop(is_over);
            for _ in 0..self.senders {
                let seed = dice.u64(..);
                scope.spawn(move || keep_sending(addresses, self, ledger, seed, is_over));
            }
            for (replica, address) in addresses.iter().enumerate() {
                scope.spawn(move || scrapes.follow(replica, *address, is_over));
            }
            work(dice, &Sent(ledger))
        });
        (result, ledger.into_inner().expect("no panic"), scrapes)
    }
}

/// Ends the clients and scrapers of a test, also when the test fails.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends deliveries until `is_over`, each to a random replica first, then to so many next ones.
fn keep_sending(
    addresses: &[SocketAddr],
    load: Load,
    ledger: &Mutex<Ledger>,
    seed: u64,
    is_over: &AtomicBool,
) {
    let mut dice = fastrand::Rng::with_seed(seed);
    while !is_over.load(Ordering::Relaxed) {
        let facts = ledger.lock().expect("no panic").draw(&mut dice);
        let first = dice.usize(0..addresses.len());
        let mut problems = Vec::new();
        let is_acknowledged = (first..=first + load.next).any(|index| {
            let address = addresses[index % addresses.len()];
            match send(address, &facts, load.timeout) {
                Ok(answer) if answer.status == 200 => true,
                other => {
                    problems.push(format!("{other:?}"));
                    false
                }
            }
        });
        let mut ledger = ledger.lock().expect("no panic");
        if is_acknowledged {
            ledger.acknowledged.extend(&facts);
            ledger.retried += u64::from(!problems.is_empty());
        } else {
            ledger.refused.push(problems.join("; "));
        }
        drop(ledger);
        std::thread::sleep(PAUSE);
    }
}
