//! The status: one model, rendered as a page at `/` and as JSON at `/api/v1/status`.
//!
//! Pure: facts and a time become a [`Status`]. The page is rendered only from it, so that both agree. It contains no
//! customers' data and no secrets.

mod account;
pub mod background;
pub(super) mod causes;
mod concern;
mod confusing;
pub mod digest;
mod figures;
mod health;
mod issue;
mod issues;
mod level;
mod number;
mod overview;
mod page;
mod portfolio;
mod recency;
pub mod route;
mod selection;
mod sending;
mod service;
mod template;
#[cfg(test)]
mod tests;
mod timeline;
pub(super) mod value;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::domain::access::AccessStates;
use crate::domain::{Assignments, CallbackUrl, PhoneNumberId, Timestamp};
use crate::insight::confusing_steps::ConfusingStep;
use crate::insight::headroom::RecipientUnions;
use crate::serve::experiment_record::ExperimentRecord;
use crate::state::Accounts;
use crate::telemetry::Examination;
use account::AccountStatus;
use confusing::ConfusingStepStatus;
use figures::Figures;
use health::{AppStatus, Doctor, OtherReplicas, StoreStatus, Webhooks};
use level::Level;
use overview::{Attention, Overview, WatchedCounts};
use selection::AccountSelection;
use timeline::ShownSteps;
use value::{Moment, PastTime};

/// The data of one moment from which the status is made.
#[derive(Debug)]
struct Facts {
    accounts: Accounts,
    /// The phone numbers that may belong to several accounts.
    numbers_of_several: BTreeSet<PhoneNumberId>,
    access: AccessStates,
    /// The accounts that the apps watch.
    assignments: Arc<Assignments>,
    /// Number of accounts that each app watches, without lost ones.
    watched: BTreeMap<String, usize>,
    figures: Figures,
    /// The URL at which webhooks are expected. `None` if not configured.
    callback: Option<CallbackUrl>,
    /// The recipients of the portfolios, as of earlier counts.
    unions: Arc<RecipientUnions>,
    /// Whether the store accepts commits, or why not.
    store: Result<(), String>,
    /// Number of accounts of other replicas, and when their rows were read.
    others: Option<(usize, Timestamp)>,
    /// The steps of journeys that confuse customers most, the worst first.
    confusing_steps: Vec<ConfusingStep>,
    /// The declared experiments with their current figures.
    experiments: Vec<ExperimentRecord>,
    /// The last report of `doctor`.
    examination: Result<Option<Examination>, String>,
    now: Timestamp,
}

/// Everything that the page and the JSON show.
#[derive(Debug, Serialize)]
pub struct Status {
    pub at: Moment,
    pub version: &'static str,
    pub revision: &'static str,
    /// The highest severity of all.
    pub level: Level,
    pub summary: WatchedCounts,
    pub attention: Attention,
    /// Number of accounts that the search found, or of all without one.
    pub accounts_found: usize,
    /// The shown ones of them, worst first.
    pub accounts: Vec<AccountStatus>,
    /// Offset of the next page. `None` on the last one.
    pub next_offset: Option<usize>,
    /// Offset of the previous page. `None` on the first one.
    pub previous_offset: Option<usize>,
    #[serde(skip)]
    selection: AccountSelection,
    pub timelines: TimelinePeriod,
    /// The worst first.
    pub confusing_steps: Vec<ConfusingStepStatus>,
    /// Not in the JSON, because `/api/v1/experiments` has them.
    #[serde(skip)]
    pub experiments: Vec<ExperimentRecord>,
    pub apps: Vec<AppStatus>,
    pub webhooks: Webhooks,
    pub store: StoreStatus,
    pub doctor: Doctor,
}

/// The period of the timelines.
#[derive(Debug, Serialize)]
pub struct TimelinePeriod {
    pub since: Moment,
    /// Start of the known history; earlier transitions are pruned.
    pub known_since: Option<Moment>,
    /// Why the journal cannot be read.
    pub error: Option<String>,
}

impl Status {
    fn new(
        facts: &Facts,
        overview: Overview,
        selection: AccountSelection,
        steps: Result<&ShownSteps, String>,
    ) -> Self {
        let now = facts.now;
        let known = steps.as_ref().ok().copied();
        let portfolios = portfolio::portfolios(&selection.shown, facts);
        let shown = selection.shown.iter().filter_map(|waba_id| {
            let account = facts.accounts.get(waba_id)?;
            Some(AccountStatus::new(
                waba_id,
                account,
                facts,
                &portfolios,
                &selection,
                known,
            ))
        });
        let accounts = shown.collect();
        let apps = facts.access.iter();
        Self {
            at: Moment(now),
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("BUILD_REVISION"),
            level: overview.attention.level(),
            summary: overview.summary,
            attention: overview.attention,
            accounts,
            accounts_found: selection.found,
            next_offset: selection.next_offset(),
            previous_offset: selection.previous_offset(),
            selection,
            timelines: TimelinePeriod {
                since: Moment(now.minus(timeline::WINDOW)),
                known_since: known.map(|steps| Moment(steps.known_since())),
                error: steps.err(),
            },
            confusing_steps: facts
                .confusing_steps
                .iter()
                .map(ConfusingStepStatus::new)
                .collect(),
            experiments: facts.experiments.clone(),
            apps: apps
                .map(|(name, access)| AppStatus::new(name, access, now))
                .collect(),
            webhooks: Webhooks::new(facts),
            store: StoreStatus {
                takes_commits: facts.store.is_ok(),
                error: facts.store.as_ref().err().cloned(),
                other_replicas: facts.others.map(|(accounts, read)| OtherReplicas {
                    accounts,
                    read: PastTime::new(read, now),
                }),
            },
            doctor: Doctor::new(&facts.examination, now),
        }
    }
}
