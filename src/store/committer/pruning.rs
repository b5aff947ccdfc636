//! Deletes history beyond its retention, in small parts.

use std::time::Duration;

use tokio::time::Instant;

use super::Committer;
use crate::clock;

/// How long a part of pruning may take; it ends with the account that exceeds this.
const PRUNE_PART: Duration = Duration::from_millis(5);

impl Committer {
    /// Prunes the next accounts.
    pub(super) async fn prune(&mut self) {
        let Some(now) = clock::at_least().filter(|_| !self.in_doubt) else {
            return;
        };
        let kept_for = i64::try_from(self.keep_journal_for.as_millis()).unwrap_or(i64::MAX);
        let cutoff = now.as_millis().saturating_sub(kept_for);
        let began = Instant::now();
        while let Some(after) = self.pruning.take_if(|_| began.elapsed() < PRUNE_PART) {
            match self.database.prune(&after, cutoff, kept_for).await {
                Ok(pruned) => self.pruning = pruned,
                Err(error) => {
                    self.pruning = Some(after);
                    drop(self.doubt(&error));
                    return;
                }
            }
        }
    }
}
