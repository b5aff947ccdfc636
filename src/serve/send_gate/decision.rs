//! Decides about campaigns, from the committed state.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::answer::GateAnswer;
use super::parameters::GateQuery;
use crate::clock;
use crate::domain::send_gate::{SendPolicy, SendVerdict};
use crate::domain::{Assignments, PhoneNumberId, Timestamp};
use crate::expose::Options;
use crate::ingest::poll::AccessRegistry;
use crate::insight::headroom::{self, Headroom, MessageWebhooks, RecipientUnions};
use crate::insight::opt_out_surge::{OptOutSurge, opt_out_surge};
use crate::insight::send_gate::{Campaign, Candidate, TemplateName, decide};
use crate::state::Account;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// The inputs of decisions.
#[derive(Clone, Debug)]
pub struct SendGate {
    /// The store, for reads.
    pub store: Arc<Store>,
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The policy; a reload replaces it.
    pub policy: Arc<ArcSwap<SendPolicy>>,
    /// The access states of the apps.
    pub access: Arc<AccessRegistry>,
    /// The accounts of each app.
    pub assignments: Arc<ArcSwap<Assignments>>,
    /// The settings of the exposition, with the expected callback URL.
    pub options: Arc<ArcSwap<Options>>,
    /// The recipients of the portfolios, as of earlier counts.
    pub unions: Arc<RecipientUnions>,
}

impl SendGate {
    /// Decides about a campaign, and counts the verdict.
    pub(super) fn decide(&self, query: &GateQuery) -> GateAnswer {
        let now = clock::now();
        let accounts = self.store.accounts_of_number(&query.phone_number_id);
        let candidates = accounts.iter().map(|(waba_id, account)| Candidate {
            waba_id,
            account,
            portfolio: self.headroom(account, now),
            opt_out_surge: surge_of(account, &query.phone_number_id, now),
        });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        let name = query.template.as_deref();
        let campaign = Campaign {
            phone_number_id: &query.phone_number_id,
            template: name.map(|name| TemplateName {
                name,
                language: query.language.as_deref(),
            }),
            recipients: query.recipients,
        };
        let decision = decide(&campaign, &candidates, &self.policy.load(), now);
        self.count(decision.verdict);
        GateAnswer::from(&decision)
    }

    /// The use of the messaging limit of the portfolio that owns the account.
    fn headroom(&self, account: &Account, now: Timestamp) -> Headroom {
        let Some(business_id) = account.business_id.value() else {
            return Headroom::default();
        };
        let (access, assignments) = (self.access.read(), self.assignments.load());
        let options = self.options.load();
        let webhooks = MessageWebhooks {
            access: &access,
            assignments: &assignments,
            callback: options.callback.as_ref(),
        };
        let owned = self.store.accounts_of_portfolio(business_id);
        let used = headroom::of_portfolio(business_id, &owned, &webhooks, &self.unions, now);
        used.unwrap_or_default()
    }

    fn count(&self, verdict: SendVerdict) {
        let decisions = &self.telemetry.gate_decisions;
        decisions.with_label_values(&[verdict.as_str()]).inc();
    }
}

/// A surge of opt-outs of the phone number, as far as this account has seen them.
fn surge_of(account: &Account, id: &PhoneNumberId, now: Timestamp) -> Option<OptOutSurge> {
    let mut traffic = account.traffic().filter(|traffic| traffic.id == *id);
    opt_out_surge(&traffic.next()?.activity, now)
}
