//! Clients that send deliveries, and try the next replica when one does not acknowledge.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::deliveries::send;
use super::ledger::Ledger;

/// A replica that does not answer within this time has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two deliveries of a client, so that the machine has time for other things.
const PAUSE: Duration = Duration::from_millis(8);

/// Ends the clients and scrapers of a test, also when the test fails.
pub struct EndOnDrop<'a>(pub &'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends deliveries until `is_over`, each to a random replica first, then to so many next ones.
pub fn keep_sending(
    addresses: &[SocketAddr],
    next: usize,
    ledger: &Mutex<Ledger>,
    seed: u64,
    is_over: &AtomicBool,
) {
    let mut dice = fastrand::Rng::with_seed(seed);
    while !is_over.load(Ordering::Relaxed) {
        let facts = ledger.lock().expect("no panic").draw(&mut dice);
        let first = dice.usize(0..addresses.len());
        let mut problems = Vec::new();
        let is_acknowledged = (first..=first + next).any(|index| {
            let address = addresses[index % addresses.len()];
            match send(address, &facts, ANSWER_TIMEOUT) {
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
