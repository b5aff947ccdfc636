//! What an operator asks of the running relay: the state of its upstreams, and what becomes of parked deliveries.

use std::collections::BTreeSet;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::domain::WabaId;

/// Commands that wait for a worker, which takes them within milliseconds.
const MAX_WAITING: usize = 4;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Count the deliveries.
    List,
    /// Send the parked deliveries again.
    Retry,
    /// Drop the parked deliveries.
    Drop,
}

/// A command, and the parked deliveries that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub action: Action,
    /// The upstream; all of them if absent.
    pub upstream: Option<String>,
    /// Only deliveries of these accounts; all of them if absent.
    pub waba_ids: Option<BTreeSet<WabaId>>,
}

/// How one upstream stands after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The upstream.
    pub upstream: String,
    /// Parked deliveries that the command was about.
    pub selected: usize,
    /// Deliveries that wait.
    pub waiting: usize,
    /// Parked deliveries.
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
    #[error("could not store it, so a restart undoes it: {0}")]
    NotStored(String),
    /// The relay is stopping or reloading.
    #[error("the relay is stopping or reloading; try again")]
    Stopping,
}

/// A command for one worker, and where its answer goes.
pub(super) struct Call {
    pub command: Command,
    pub answer: oneshot::Sender<Result<Report, CommandError>>,
}

/// The workers of a relay, to be asked while they run.
#[derive(Clone, Debug, Default)]
pub struct Control {
    workers: Vec<(String, mpsc::Sender<Call>)>,
}

impl Control {
    /// Adds an upstream; the worker receives its commands.
    pub(super) fn add(&mut self, upstream: &str) -> mpsc::Receiver<Call> {
        let (calls, receiver) = mpsc::channel(MAX_WAITING);
        self.workers.push((upstream.to_owned(), calls));
        receiver
    }

    /// Executes the command; when it says so, the store has kept what came of it.
    ///
    /// # Errors
    /// If there is no such upstream, or the store does not keep it.
    pub async fn execute(&self, command: &Command) -> Result<Vec<Report>, CommandError> {
        if self.workers.is_empty() {
            return Err(CommandError::NoUpstreams);
        }
        let is_meant = |name: &String| command.upstream.as_ref().is_none_or(|it| it == name);
        let mut reports = Vec::new();
        for (_, worker) in self.workers.iter().filter(|(name, _)| is_meant(name)) {
            let (answer, report) = oneshot::channel();
            let call = Call {
                command: command.clone(),
                answer,
            };
            worker
                .send(call)
                .await
                .map_err(|_| CommandError::Stopping)?;
            reports.push(report.await.map_err(|_| CommandError::Stopping)??);
        }
        if reports.is_empty() {
            let names: Vec<&str> = self.workers.iter().map(|(name, _)| name.as_str()).collect();
            return Err(CommandError::UnknownUpstream(names.join(", ")));
        }
        Ok(reports)
    }
}
