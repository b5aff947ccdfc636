//! Diagnoses the setup end to end and reports each problem with its cure. It changes nothing at Meta. The report
//! is stored with the database, for the status page.
//!
//! Each check has its own file. A check without a result is reported as unknown, neither fine nor a problem.

mod account;
mod accounts;
mod callback;
mod calls;
mod credentials;
mod database;
mod fold;
mod graph;
mod network;
mod running;
mod store;
mod subscription;
mod token;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use crate::telemetry::{Finding, Report, Verdict};

use super::discovery::{SearchError, search};
use super::{BoundExporter, ConfigSources, settings};
use crate::clock;
use crate::config::{AppConfig, Config};
use crate::domain::WabaId;
use crate::ingest::graph::Client;
use crate::store::ReportError;
use crate::telemetry::{Examination, Telemetry};
use calls::CountedCalls;

/// One app with the context of its checks.
struct CheckedApp<'a> {
    config: &'a AppConfig,
    client: &'a Arc<Client>,
    calls: &'a CountedCalls,
    progress: ProgressSink<'a>,
}

/// Receives progress lines of long-running checks.
pub type ProgressSink<'a> = &'a (dyn Fn(&str) + Sync);

const CONFIGURATION: &str = "configuration";
const DISCOVERY: &str = "discovery";

/// Runs all checks of this configuration.
///
/// # Errors
/// If no HTTP client can be built, for example without a CA store.
pub async fn examine(source: &ConfigSources) -> anyhow::Result<Report> {
    examine_with_progress(source, &|_| {}).await
}

/// Like [`examine`], and reports the progress of long-running checks.
///
/// # Errors
/// Those of [`examine`].
pub async fn examine_with_progress(
    source: &ConfigSources,
    progress: ProgressSink<'_>,
) -> anyhow::Result<Report> {
    let config = match source.load() {
        Ok(config) => config,
        Err(errors) => {
            let problems = errors.to_string();
            let findings = problems.lines().map(invalid);
            return Ok(Report::new(findings.collect()));
        }
    };
    examine_chain(&config, progress).await
}

/// Stores the report next to an SQLite database, or in PostgreSQL, for the status page. Does nothing if the store is in
/// memory or the configuration is not valid.
///
/// # Errors
/// If it cannot be written, with its place.
pub async fn keep(source: &ConfigSources, report: &Report) -> Result<(), ReportError> {
    let Ok(config) = source.load() else {
        return Ok(());
    };
    let examination = Examination {
        at: clock::now(),
        report: report.clone(),
    };
    settings::location(&config)
        .keep_examination(&examination)
        .await
}

async fn examine_chain(config: &Config, progress: ProgressSink<'_>) -> anyhow::Result<Report> {
    let clients = settings::clients(config, &Arc::new(Telemetry::new()))?;
    let mut findings = configuration(config);
    findings.extend(store::check(config).await);
    let Some(first) = clients.first() else {
        return Ok(Report::new(findings));
    };
    let reachable = graph::check(config, first).await;
    let is_reachable = reachable
        .iter()
        .any(|finding| finding.check == graph::CHECK && finding.is_fine());
    findings.extend(reachable);
    let mut accounts: BTreeSet<WabaId> = settings::accounts(config).collect();
    if is_reachable {
        for (app, client) in config.apps.iter().zip(&clients) {
            let calls = CountedCalls::for_app();
            let app = CheckedApp {
                config: app,
                client,
                calls: &calls,
                progress,
            };
            findings.extend(examine_app(config, &app, &mut accounts).await);
        }
    }
    let running = running::read(config).await;
    findings.extend(callback::check(config, running.as_ref().ok()).await);
    findings.extend(running::report(
        config,
        &accounts,
        running.as_ref().map_err(|silent| *silent),
    ));
    Ok(Report::new(findings))
}

/// Checks one app, prerequisites first. Adds the discovered accounts to `all`.
async fn examine_app(
    config: &Config,
    app: &CheckedApp<'_>,
    all: &mut BTreeSet<WabaId>,
) -> Vec<Finding> {
    let (token, mut findings) = token::check(app).await;
    if token.as_ref().is_some_and(|token| !token.is_valid) {
        return findings;
    }
    findings.extend(subscription::check(config, app).await);
    let (accounts, found) = accounts_of(app).await;
    findings.extend(found);
    all.extend(accounts.iter().cloned());
    findings.extend(accounts::check(config, app, &accounts, token.as_ref()).await);
    keep_first_refusal(&mut findings);
    findings
}

/// A rejected secret or token fails several checks; only the first finding about it is kept.
fn keep_first_refusal(findings: &mut Vec<Finding>) {
    let mut refused: BTreeSet<Cow<'static, str>> = BTreeSet::new();
    findings.retain(|finding| {
        let is_credential =
            finding.check == credentials::SECRET || finding.check == credentials::TOKEN;
        let is_refusal = is_credential && !finding.is_fine();
        !is_refusal || refused.insert(finding.check.clone())
    });
}

/// The listed and the discovered accounts.
async fn accounts_of(app: &CheckedApp<'_>) -> (Vec<WabaId>, Option<Finding>) {
    let mut accounts = app.config.accounts.clone();
    if !app.config.discovery.is_on() {
        return (accounts, None);
    }
    let finding = match search(app.config, app.client, app.calls).await {
        Ok(found) => {
            let more: Vec<WabaId> = found
                .taken
                .into_keys()
                .filter(|id| !accounts.contains(id))
                .collect();
            let count = more.len();
            accounts.extend(more);
            if accounts.is_empty() {
                let cure = "Assign accounts to the token's system user, or see apps[].include and apps[].exclude.";
                Finding::problem(DISCOVERY, "no account was found", cure)
            } else {
                Finding::fine(
                    DISCOVERY,
                    format!("accounts found in addition to the listed ones: {count}"),
                )
            }
        }
        Err(SearchError::NotNamed) => Finding::problem(
            DISCOVERY,
            "the token is granted for all accounts and lists none",
            "List the accounts, or set apps[].businesses.",
        ),
        Err(SearchError::Failed(failure)) => {
            let message = format!("accounts cannot be discovered: {failure}");
            let cure = "Check the ids of the businesses, and that the token's user has access to them (business_management).";
            match failure.wrong_node_kind() {
                Some(_) => Finding::problem(DISCOVERY, message, cure),
                None => Finding::unknown(DISCOVERY, message, cure),
            }
        }
    };
    (accounts, Some(finding.about(&app.config.name)))
}

fn configuration(config: &Config) -> Vec<Finding> {
    let problems = BoundExporter::problems(config);
    if !problems.is_empty() {
        let findings = problems.iter().map(|problem| invalid(problem));
        return findings.collect();
    }
    let accounts = settings::accounts(config).count();
    let message = format!("valid: apps {}, accounts {accounts}", config.apps.len());
    vec![Finding::fine(CONFIGURATION, message)]
}

/// A problem that prevents the start.
fn invalid(problem: &str) -> Finding {
    let cure = "Correct the configuration; `check-config` checks it without calling Meta.";
    Finding::problem(CONFIGURATION, problem, cure)
}
