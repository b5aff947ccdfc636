//! Relay commands of an operator: the state of the upstreams, and retrying or dropping parked deliveries.

use std::collections::BTreeSet;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::domain::WabaId;

/// Maximum number of commands that wait for a worker, which takes them within milliseconds.
const MAX_WAITING: usize = 4;

/// The action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Count the deliveries.
    List,
    /// Send the parked deliveries again.
    Retry,
    /// Drop the parked deliveries.
    Drop,
}

impl Action {
    /// Its name in commands and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }
}

/// A command, and the parked deliveries that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedCommand {
    /// The action.
    pub action: Action,
    /// Name of the upstream; `None` selects all.
    pub upstream: Option<String>,
    /// Accounts whose deliveries are selected; `None` selects all.
    pub waba_ids: Option<BTreeSet<WabaId>>,
}

/// State of one upstream after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamReport {
    /// Name of the upstream.
    pub upstream: String,
    /// Parked deliveries that the command was about.
    pub selected: usize,
    /// Number of waiting deliveries.
    pub waiting: usize,
    /// Number of parked deliveries.
    pub parked: usize,
}

/// Why a command was not executed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The relay has no upstreams.
    #[error("the exporter relays nothing: relay.upstreams is empty")]
    NoUpstreams,
    /// No upstream has this name.
    #[error("relay.upstreams has no upstream with this name; the names are: {0}")]
    UnknownUpstream(String),
    /// The store could not commit it.
    #[error("could not store the change, so a restart reverts it: {0}")]
    NotStored(String),
    /// The deliveries of other replicas could not be reached.
    #[error(
        "executed for the deliveries of this replica only; try again for those of the others: {0}"
    )]
    OnlyOwn(String),
    /// Some upstreams did not execute it.
    #[error("not executed for every upstream; executed: {executed}; failed: {failed}")]
    Incomplete {
        /// The names of the upstreams that executed it.
        executed: String,
        /// The names of the others, each with its error.
        failed: String,
    },
    /// The relay is stopping or reloading.
    #[error("the relay is stopping or reloading; try again")]
    Stopping,
}

/// A command for one worker, with the channel for its result.
pub(super) struct WorkerCall {
    pub command: ParkedCommand,
    pub answer: oneshot::Sender<Result<UpstreamReport, CommandError>>,
}

/// Channels to the workers of a relay.
#[derive(Clone, Debug, Default)]
pub struct Control {
    workers: Vec<(String, mpsc::Sender<WorkerCall>)>,
}

impl Control {
    /// Adds an upstream; the worker receives its commands.
    pub(super) fn add(&mut self, upstream: &str) -> mpsc::Receiver<WorkerCall> {
        let (calls, receiver) = mpsc::channel(MAX_WAITING);
        self.workers.push((upstream.to_owned(), calls));
        receiver
    }

    /// Executes the command for every selected upstream. Returns after the store has committed the result.
    ///
    /// # Errors
    /// If there is no such upstream, or if one fails. The others execute the command nevertheless.
    pub async fn execute(
        &self,
        command: &ParkedCommand,
    ) -> Result<Vec<UpstreamReport>, CommandError> {
        if self.workers.is_empty() {
            return Err(CommandError::NoUpstreams);
        }
        let is_selected = |name: &String| command.upstream.as_ref().is_none_or(|it| it == name);
        let (mut reports, mut failed) = (Vec::new(), Vec::new());
        for (name, worker) in self.workers.iter().filter(|(name, _)| is_selected(name)) {
            match execute_one(worker, command).await {
                Ok(report) => reports.push(report),
                Err(error) => failed.push((name, error)),
            }
        }
        if !reports.is_empty() && !failed.is_empty() {
            return Err(incomplete(&reports, &failed));
        }
        if let Some((_, error)) = failed.into_iter().next() {
            return Err(error);
        }
        if reports.is_empty() {
            let names: Vec<&str> = self.workers.iter().map(|(name, _)| name.as_str()).collect();
            return Err(CommandError::UnknownUpstream(names.join(", ")));
        }
        Ok(reports)
    }
}

async fn execute_one(
    worker: &mpsc::Sender<WorkerCall>,
    command: &ParkedCommand,
) -> Result<UpstreamReport, CommandError> {
    let (answer, report) = oneshot::channel();
    let command = command.clone();
    let sent = worker.send(WorkerCall { command, answer }).await;
    sent.map_err(|_| CommandError::Stopping)?;
    report.await.map_err(|_| CommandError::Stopping)?
}

fn incomplete(reports: &[UpstreamReport], failed: &[(&String, CommandError)]) -> CommandError {
    let executed: Vec<&str> = reports.iter().map(|it| it.upstream.as_str()).collect();
    let failed: Vec<String> = failed
        .iter()
        .map(|(name, error)| format!("{name} ({error})"))
        .collect();
    CommandError::Incomplete {
        executed: executed.join(", "),
        failed: failed.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_is_executed_for_every_upstream_even_if_one_fails() {
        let mut control = Control::default();
        for name in ["one", "two", "three"] {
            let mut calls = control.add(name);
            tokio::spawn(async move {
                while let Some(WorkerCall { answer, .. }) = calls.recv().await {
                    let report = UpstreamReport {
                        upstream: name.to_owned(),
                        selected: 1,
                        waiting: 0,
                        parked: 0,
                    };
                    let outcome = match name {
                        "one" => Err(CommandError::NotStored("disk full".to_owned())),
                        _ => Ok(report),
                    };
                    answer.send(outcome).expect("somebody waits");
                }
            });
        }
        let mut command = ParkedCommand {
            action: Action::Retry,
            upstream: None,
            waba_ids: None,
        };
        let error = control.execute(&command).await.expect_err("one fails");
        let error = error.to_string();
        assert!(
            error.contains("executed: two, three; failed: one ("),
            "{error}"
        );
        assert!(error.contains("disk full"), "{error}");
        command.upstream = Some("two".to_owned());
        let reports = control.execute(&command).await.expect("it does not fail");
        assert_eq!(reports.len(), 1);
        command.upstream = Some("one".to_owned());
        let error = control.execute(&command).await.expect_err("it fails");
        assert!(matches!(error, CommandError::NotStored(_)), "{error}");
    }
}
