//! Plays a story at its speed, repeatedly, and logs each event.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Beat, Story};
use crate::simulator::shared::SharedSimulator;

/// Plays the story until the simulation ends.
pub(crate) async fn run(shared: &SharedSimulator, story: &Story, speed: f64) {
    while play_once(shared, story, speed).await.is_some() {}
}

/// Plays one round; `None` if the simulation ended meanwhile.
async fn play_once(shared: &SharedSimulator, story: &Story, speed: f64) -> Option<()> {
    let start = Instant::now();
    for beat in &story.beats {
        wait_until(shared, start + beat.at.div_f64(speed)).await?;
        perform(shared, beat);
    }
    wait_until(
        shared,
        start + story.length.div_f64(speed).max(Duration::from_millis(1)),
    )
    .await
}

fn perform(shared: &SharedSimulator, beat: &Beat) {
    tracing::info!(what = %beat.line, "story event");
    if let Err(error) = shared.change(&beat.changes, beat.travel) {
        // The world was edited while the story was played; the remaining beats may still be valid.
        tracing::warn!(%error, "skipped story event");
    }
}

async fn wait_until(shared: &SharedSimulator, due: Instant) -> Option<()> {
    tokio::select! {
        () = shared.stopping.cancelled() => None,
        () = sleep_until(due) => Some(()),
    }
}
