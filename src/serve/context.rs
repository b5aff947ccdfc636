//! The state of each router's handlers. Both share the store, the drill and the exporter's own metrics.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::body::Room;
use super::drill::Drill;
use super::forget::ForgetCall;
use super::gate::Gate;
use super::lifecycle::ReloadRequest;
use super::signer::{PreviousSecretLog, WrongAppLog};
use crate::clock;
use crate::domain::Assignments;
use crate::domain::track::Trackers;
use crate::expose::Options;
use crate::ingest::Customers;
use crate::ingest::poll::{AccessBoard, Nudge};
use crate::ingest::webhook::{Verifier, VerifyTokens};
use crate::relay;
use crate::state::Accounts;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// What the operator's routes work on.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The truth.
    pub store: Arc<Store>,
    /// The running drill, shown next to the real accounts.
    pub drill: Arc<Drill>,
    /// What the apps may do.
    pub access: Arc<AccessBoard>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// What is shown of templates; a reload changes it.
    pub options: Arc<ArcSwap<Options>>,
    /// The accounts of each app.
    pub assignments: Arc<ArcSwap<Assignments>>,
    /// What requests have passed, and which host names are allowed.
    pub gate: Arc<Gate>,
    /// Where reloads are done, one at a time.
    pub reload: mpsc::Sender<ReloadRequest>,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}

impl Operator {
    /// The accounts, with that of a running drill.
    pub(super) fn accounts(&self) -> Accounts {
        let mut accounts = self.store.snapshot();
        self.drill.join(&mut accounts, clock::now());
        accounts
    }
}

/// What a delivery is checked against; a reload replaces it.
#[derive(Debug)]
pub struct Secrets {
    /// The apps' secrets.
    pub verifier: Verifier,
    /// The accounts of each app, for which its signature is accepted.
    pub assignments: Arc<Assignments>,
    /// The verify tokens.
    pub tokens: VerifyTokens,
    /// What customers are hashed with.
    pub customers: Customers,
    /// Are messages counted and answers timed? If not, messages are not looked into.
    pub tracks_messages: bool,
    /// What is measured of conversations.
    pub trackers: Arc<Trackers>,
    /// What the event API asks for; none if there is no event API.
    pub events: Option<VerifyTokens>,
}

impl Secrets {
    /// What customers are hashed with, if messages are looked into.
    pub(super) fn tracked(&self) -> Option<&Customers> {
        Some(&self.customers).filter(|_| self.tracks_messages)
    }
}

/// What the public routes work on.
#[derive(Clone, Debug)]
pub struct Public {
    /// What deliveries are checked against.
    pub secrets: Arc<ArcSwap<Secrets>>,
    /// The truth.
    pub store: Arc<Store>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The running drill.
    pub drill: Arc<Drill>,
    /// The schedule of polls, which an event may move forward.
    pub nudge: Arc<ArcSwap<Nudge>>,
    /// Log lines about changes signed by the wrong app, for rate limiting.
    pub wrong_apps: Arc<WrongAppLog>,
    /// Log lines about deliveries signed with a previous secret, for rate limiting.
    pub previous_secrets: Arc<PreviousSecretLog>,
    /// Channel for requests to remove lost accounts.
    pub forget: mpsc::Sender<ForgetCall>,
    /// The running relay.
    pub relay: Arc<ArcSwap<relay::Control>>,
    /// Where large bodies are read to.
    pub room: Room,
}
