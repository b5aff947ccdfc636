//! The state of each router's handlers. The two routers share the store, the drill and the exporter's own metrics.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::body::BodyBudget;
use super::drill::Drill;
use super::forget::ForgetCall;
use super::gate::Gate;
use super::lifecycle::ReloadRequest;
use super::send_gate::SendGate;
use super::signer::{PreviousSecretLog, WrongAppLog};
use super::status::digest::Digests;
use crate::clock;
use crate::domain::track::Trackers;
use crate::domain::{Assignments, PhoneNumberId};
use crate::expose::Options;
use crate::ingest::CustomerHasher;
use crate::ingest::poll::{AccessRegistry, PollTrigger};
use crate::ingest::webhook::{Verifier, VerifyTokens};
use crate::relay;
use crate::state::Accounts;
use crate::store::{ExportPermit, Store, StoreUnavailable};
use crate::telemetry::Telemetry;

/// State of the operator's routes.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The store, for reads.
    pub store: Arc<Store>,
    /// The running drill, shown next to the real accounts.
    pub drill: Arc<Drill>,
    /// The access states of the apps.
    pub access: Arc<AccessRegistry>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The detail of template metrics; a reload changes it.
    pub options: Arc<ArcSwap<Options>>,
    /// The accounts of each app.
    pub assignments: Arc<ArcSwap<Assignments>>,
    /// The digests of accounts for the status page.
    pub digests: Arc<Digests>,
    /// The send gate.
    pub send_gate: SendGate,
    /// The gate of the listener, with the allowed host names.
    pub gate: Arc<Gate>,
    /// Channel of reload requests.
    pub reload: mpsc::Sender<ReloadRequest>,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}

impl Operator {
    /// Reads the accounts of other replicas. After a failure, they are shown as they were read last.
    pub(super) async fn read_others(&self) {
        note_unread(self.store.read_all().await);
    }

    /// All accounts, including that of a running drill.
    pub(super) fn accounts(&self) -> Accounts {
        let mut accounts = self.store.all_accounts();
        self.drill.join(&mut accounts, clock::now());
        accounts
    }

    /// The accounts of the portfolios that this replica exports, and all of its own, including that of a running drill.
    pub(super) fn portfolio_accounts(&self) -> Accounts {
        let mut accounts = self.store.portfolio_accounts();
        self.drill.join(&mut accounts, clock::now());
        accounts
    }

    /// The accounts that this permit includes, and that of a running drill.
    pub(super) fn accounts_within(&self, permit: &ExportPermit) -> Accounts {
        let mut accounts = self.store.snapshot_within(permit);
        self.drill.join(&mut accounts, clock::now());
        accounts
    }

    /// The accounts that have this number, including that of a running drill.
    pub(super) fn accounts_of_number(&self, id: &PhoneNumberId) -> Accounts {
        let mut accounts = self.store.accounts_of_number(id);
        self.drill.join(&mut accounts, clock::now());
        accounts.retain(|_, account| account.has_number(id));
        accounts
    }
}

/// Logs that the accounts of other replicas are older than usual.
pub(super) fn note_unread(read: Result<(), StoreUnavailable>) {
    if let Err(error) = read {
        tracing::warn!(%error, "could not read the accounts of other replicas; using them as they were read last");
    }
}

/// The settings for verifying deliveries; a reload replaces them.
#[derive(Debug)]
pub struct Secrets {
    /// The apps' secrets.
    pub verifier: Verifier,
    /// The accounts of each app, for which its signature is accepted.
    pub assignments: Arc<Assignments>,
    /// The verify tokens for Meta's handshake.
    pub tokens: VerifyTokens,
    /// The hasher of customers.
    pub customers: CustomerHasher,
    /// Whether messages are counted and responses are timed. If not, messages are not parsed.
    pub tracks_messages: bool,
    /// The settings of conversation metrics.
    pub trackers: Arc<Trackers>,
    /// The token of the event API; `None` if the API is disabled.
    pub events: Option<VerifyTokens>,
    /// The token of the send gate; `None` if the public listener does not serve it.
    pub gate: Option<VerifyTokens>,
}

impl Secrets {
    /// The hasher of customers. `None` if messages are not counted.
    pub(super) fn tracked(&self) -> Option<&CustomerHasher> {
        Some(&self.customers).filter(|_| self.tracks_messages)
    }
}

/// State of the public routes.
#[derive(Clone, Debug)]
pub struct Public {
    /// The settings for verifying deliveries.
    pub secrets: Arc<ArcSwap<Secrets>>,
    /// The store, for commits.
    pub store: Arc<Store>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The running drill.
    pub drill: Arc<Drill>,
    /// The schedule of polls, which an event may move forward.
    pub trigger: Arc<ArcSwap<PollTrigger>>,
    /// Log lines about changes signed by the wrong app, for rate limiting.
    pub wrong_apps: Arc<WrongAppLog>,
    /// Log lines about deliveries signed with a previous secret, for rate limiting.
    pub previous_secrets: Arc<PreviousSecretLog>,
    /// The send gate.
    pub send_gate: SendGate,
    /// Channel for requests to remove lost accounts.
    pub forget: mpsc::Sender<ForgetCall>,
    /// The running relay.
    pub relay: Arc<ArcSwap<relay::Control>>,
    /// The memory budget of bodies.
    pub body_budget: BodyBudget,
}
