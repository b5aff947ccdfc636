//! The status of the exporter itself: apps and their access, webhooks, the store, and the last report of `doctor`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use super::issue::{self, Issue};
use super::issues;
use super::level::Level;
use super::value::{Ahead, PastTime};
use crate::domain::access::{Access, End};
use crate::domain::{AppId, Timestamp};
use crate::telemetry::{Examination, Finding, Verdict};

/// Maximum number of shown findings; the doctor's own output has all of them.
const MAX_FINDINGS: usize = 100;

/// The access of an app.
#[derive(Debug, Serialize)]
pub struct AppStatus {
    /// The configured name.
    pub name: String,
    pub app_id: Option<String>,
    pub level: Level,
    #[serde(rename = "troubles")]
    pub issues: Vec<Issue>,
    pub token_is_valid: Option<bool>,
    /// `None` if it never expires, or if unknown.
    pub token_ends: Option<Ahead>,
    pub data_access_ends: Option<Ahead>,
    pub missing_scopes: Vec<&'static str>,
    /// `None` if the app's subscription cannot be read.
    pub missing_webhook_fields: Option<Vec<&'static str>>,
    pub callback_matches: Option<bool>,
}

/// Webhooks since the exporter started.
#[derive(Debug, Serialize)]
pub struct Webhooks {
    pub accepted: u64,
    pub refused: u64,
    /// Reasons that occurred, such as `bad_signature`.
    pub refused_by_reason: BTreeMap<String, u64>,
    pub duplicates: u64,
    pub too_late: u64,
    pub unwatched: u64,
    pub last_received: Option<PastTime>,
}

/// The store.
#[derive(Debug, Serialize)]
pub struct StoreStatus {
    pub takes_commits: bool,
    /// Why the store does not accept commits. `None` if it does.
    pub error: Option<String>,
    /// Accounts of other replicas. `None` without any.
    pub other_replicas: Option<OtherReplicas>,
}

/// Accounts that other replicas poll. Their states are those of the database.
#[derive(Debug, Serialize)]
pub struct OtherReplicas {
    pub accounts: usize,
    /// When their rows were read.
    pub read: PastTime,
}

/// The last report of `doctor`.
#[derive(Debug, Serialize)]
pub struct Doctor {
    /// `None` if `doctor` never ran, or its report cannot be read.
    pub looked: Option<PastTime>,
    pub fine: usize,
    pub problems: usize,
    pub unknown: usize,
    /// Findings that are not fine, problems first.
    pub findings: Vec<Finding>,
    /// Why the report cannot be read.
    pub error: Option<String>,
}

impl AppStatus {
    pub(super) fn new(name: &str, access: &Access, now: Timestamp) -> Self {
        let issues = issues::for_app(access, now);
        let token = access.token.as_ref();
        let ahead = |end: Option<End>| match end {
            Some(End::At(at)) => Some(Ahead::new(at, now)),
            Some(End::Never) | None => None,
        };
        let subscription = access.subscription.as_ref();
        Self {
            name: name.to_owned(),
            app_id: access.app_id.as_ref().map(AppId::to_string),
            level: issue::worst(&issues),
            issues,
            token_is_valid: token.map(|token| token.is_valid),
            token_ends: ahead(token.and_then(|token| token.expires)),
            data_access_ends: ahead(token.and_then(|token| token.data_access_expires)),
            missing_scopes: token.map_or(vec![], |token| token.missing_scopes()),
            missing_webhook_fields: subscription.map(|one| one.missing_fields()),
            callback_matches: access.callback_matches,
        }
    }
}

impl Webhooks {
    pub(super) fn new(facts: &Facts) -> Self {
        let figures = &facts.figures;
        let last = figures.last_received_of_all();
        Self {
            accepted: figures.accepted,
            refused: figures.refused.values().sum(),
            refused_by_reason: figures.refused.clone(),
            duplicates: figures.duplicates,
            too_late: figures.too_late,
            unwatched: figures.unwatched,
            last_received: last.map(|at| PastTime::new(at, facts.now)),
        }
    }
}

impl Doctor {
    pub(super) fn new(examination: &Result<Option<Examination>, String>, now: Timestamp) -> Self {
        let nothing = |error| Self {
            looked: None,
            fine: 0,
            problems: 0,
            unknown: 0,
            findings: vec![],
            error,
        };
        match examination {
            Ok(None) => nothing(None),
            Err(error) => nothing(Some(error.clone())),
            Ok(Some(examination)) => Self::reported(examination, now),
        }
    }

    fn reported(Examination { at, report }: &Examination, now: Timestamp) -> Self {
        let count = |verdict| {
            report
                .findings
                .iter()
                .filter(|one| one.verdict == verdict)
                .count()
        };
        let not_fine = report.findings.iter().filter(|finding| !finding.is_fine());
        let mut findings: Vec<Finding> = not_fine.cloned().collect();
        findings.sort_by_key(|finding| finding.verdict != Verdict::Problem);
        findings.truncate(MAX_FINDINGS);
        Self {
            looked: Some(PastTime::new(*at, now)),
            fine: count(Verdict::Fine),
            problems: count(Verdict::Problem),
            unknown: count(Verdict::Unknown),
            findings,
            error: None,
        }
    }
}
