//! The metrics of the demo, checked by the lints of promtool, the strict parser of OpenMetrics, and a real Prometheus that
//! scrapes a whole story.
//!
//! A test whose tool is missing fails and names the package; `make test` installs them all.

mod contract;
pub mod formats;
mod replicas;
mod selective;
pub mod server;
mod story;

use std::time::Duration;

use crate::process::Process;

/// The story's first line: when it comes again, a whole round has been played.
const FIRST_BEAT: &str = "Fern & Moss Advice is onboarded again";

/// A round takes 5 s to 20 s at the speeds of these tests.
const A_ROUND: Duration = Duration::from_secs(90);

/// Whether the story has begun its second round.
pub fn whole_round(demo: &Process) -> Result<(), String> {
    begun(demo, 2)
}

/// Whether the story has begun so many rounds.
pub fn begun(demo: &Process, rounds: usize) -> Result<(), String> {
    let log = demo.log();
    if log.matches(FIRST_BEAT).count() < rounds {
        return Err(log);
    }
    Ok(())
}
