//! Changes of an upstream's deliveries that the store has not committed yet. Many share one commit, so that the disk
//! does not limit the rate and the store's writer remains free for webhooks.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::control::{CommandError, UpstreamReport};
use crate::store::{Settlement, Store, StoreUnavailable};

/// An operator's command, which is answered after the store has committed its effects.
type PendingResult = (
    oneshot::Sender<Result<UpstreamReport, CommandError>>,
    UpstreamReport,
);

/// Collects changes, and commits them in the background, one commit at a time.
pub(super) struct Ledger {
    upstream: String,
    store: Arc<Store>,
    pending: Settlement,
    answers: Vec<PendingResult>,
    committing: JoinSet<CompletedCommit>,
}

/// A completed commit.
pub(super) struct CompletedCommit {
    settlement: Settlement,
    answers: Vec<PendingResult>,
    outcome: Result<(), StoreUnavailable>,
}

impl Ledger {
    pub fn new(upstream: String, store: Arc<Store>) -> Self {
        Self {
            upstream,
            store,
            pending: Settlement::default(),
            answers: Vec::new(),
            committing: JoinSet::new(),
        }
    }

    /// Records deliveries that the upstream has accepted, or that are dropped for it.
    pub fn settle(&mut self, deliveries: impl IntoIterator<Item = i64>) {
        self.pending.settled.extend(deliveries);
    }

    pub fn park(&mut self, delivery: i64, reason: &'static str) {
        self.pending.unparked.retain(|other| *other != delivery);
        self.pending.parked.push((delivery, reason));
    }

    pub fn unpark(&mut self, deliveries: &[i64]) {
        self.pending.unparked.extend(deliveries);
    }

    /// Answers a command after the next commit.
    pub fn answer(
        &mut self,
        answer: oneshot::Sender<Result<UpstreamReport, CommandError>>,
        report: UpstreamReport,
    ) {
        self.answers.push((answer, report));
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Starts a commit, unless one is running or there is nothing to commit.
    pub fn commit(&mut self) {
        if !self.committing.is_empty() || (self.pending.is_empty() && self.answers.is_empty()) {
            return;
        }
        let settlement = std::mem::take(&mut self.pending);
        let answers = std::mem::take(&mut self.answers);
        let (upstream, store) = (self.upstream.clone(), Arc::clone(&self.store));
        self.committing.spawn(async move {
            let outcome = if settlement.is_empty() {
                Ok(())
            } else {
                store.settle(&upstream, settlement.clone()).await
            };
            CompletedCommit {
                settlement,
                answers,
                outcome,
            }
        });
    }

    /// Waits for the running commit; returns `None` immediately if there is none.
    pub async fn committed(&mut self) -> Option<CompletedCommit> {
        let ended = self.committing.join_next().await?;
        Some(ended.expect("a commit does not panic"))
    }

    /// Records the outcome of a commit. Changes that the store rejected are committed with the next ones.
    pub fn note(&mut self, committed: CompletedCommit) {
        let CompletedCommit {
            settlement,
            answers,
            outcome,
        } = committed;
        for (answer, report) in answers {
            let outcome = outcome.clone().map(|()| report);
            let outcome = outcome.map_err(|error| CommandError::NotStored(error.to_string()));
            // The operator may have stopped waiting.
            drop(answer.send(outcome));
        }
        if outcome.is_err() {
            let newer = std::mem::take(&mut self.pending);
            self.pending = merge(settlement, newer);
        }
    }
}

/// Merges changes that the store rejected with later ones.
fn merge(mut older: Settlement, newer: Settlement) -> Settlement {
    // The store parks before it unparks, so a delivery that was parked last must not be unparked in the same commit.
    let is_parked_again = |delivery: &i64| newer.parked.iter().any(|(other, _)| other == delivery);
    older.unparked.retain(|delivery| !is_parked_again(delivery));
    older.settled.extend(newer.settled);
    older.parked.extend(newer.parked);
    older.unparked.extend(newer.unparked);
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_that_was_parked_again_after_a_failed_commit_stays_parked() {
        let older = Settlement {
            settled: vec![1],
            parked: vec![(4, "timeout")],
            unparked: vec![2, 3],
        };
        let newer = Settlement {
            settled: vec![5],
            parked: vec![(2, "client_error")],
            unparked: vec![4],
        };
        let merged = Settlement {
            settled: vec![1, 5],
            parked: vec![(4, "timeout"), (2, "client_error")],
            unparked: vec![3, 4],
        };
        assert_eq!(merge(older, newer), merged);
    }
}
