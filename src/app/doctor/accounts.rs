//! Checks every account of an app, several concurrently, and stops when the app's quota is nearly used up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::account::{ACCOUNT, CheckOutcome, CheckedAccount, Stop};
use super::fold::fold;
use super::{CheckedApp, Finding, credentials};
use crate::config::Config;
use crate::domain::WabaId;
use crate::domain::access::Token;

/// Accounts checked concurrently: about ten accounts a second if a call takes 250 ms.
const AT_ONCE: usize = 8;

/// After this many consecutive accounts without a response, the network is considered down.
const MAX_UNREACHABLE: usize = 8;

/// Interval between progress lines.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn check(
    config: &Config,
    app: &CheckedApp<'_>,
    accounts: &[WabaId],
    token: Option<&Token>,
) -> Vec<Finding> {
    let granted = token.and_then(|token| token.accounts.as_ref());
    let (outcomes, stop) = examine_all(config, app, accounts, granted).await;
    let mut findings: Vec<Finding> = Vec::new();
    let mut looked_at = 0;
    for (waba_id, outcome) in accounts.iter().zip(outcomes) {
        let Some(found) = outcome else {
            continue;
        };
        looked_at += 1;
        findings.extend(found.into_iter().map(|one| one.about(waba_id.as_str())));
    }
    let name = &app.config.name;
    let mut folded = fold(findings, accounts.len(), Some(name));
    if let Some(Stop::Credentials(failure)) = &stop {
        folded.push(credentials::refused(failure).about(name));
    }
    let left = accounts.len() - looked_at;
    if let Some(stop) = stop.filter(|_| left > 0) {
        folded.push(not_checked(left, &stop, config).about(name));
    }
    folded
}

/// The findings about each account, `None` for accounts that were not checked, and why the checks stopped
/// early.
async fn examine_all(
    config: &Config,
    app: &CheckedApp<'_>,
    accounts: &[WabaId],
    granted: Option<&BTreeSet<WabaId>>,
) -> (Vec<Option<Vec<Finding>>>, Option<Stop>) {
    let config = Arc::new(config.clone());
    let mut found: Vec<Option<Vec<Finding>>> = vec![None; accounts.len()];
    let mut waiting = accounts.iter().enumerate();
    let mut checks = JoinSet::new();
    let (mut stop, mut unreachable, mut done) = (None, 0, 0);
    let mut told_at = Instant::now();
    loop {
        while stop.is_none() && checks.len() < AT_ONCE {
            let Some((index, waba_id)) = waiting.next() else {
                break;
            };
            let account = CheckedAccount {
                config: Arc::clone(&config),
                client: Arc::clone(app.client),
                waba_id: waba_id.clone(),
                is_granted: granted.is_none_or(|granted| granted.contains(waba_id)),
            };
            checks.spawn(async move { (index, account.examine().await) });
        }
        let Some(check) = checks.join_next().await else {
            return (found, stop);
        };
        let (index, outcome) = check.expect("a check neither panics nor is aborted");
        done += 1;
        if told_at.elapsed() >= PROGRESS_INTERVAL {
            told_at = Instant::now();
            let name = &app.config.name;
            (app.progress)(&format!(
                "app {name}: {done} of {} accounts checked",
                accounts.len()
            ));
        }
        match outcome {
            CheckOutcome::Checked(findings) => {
                unreachable = 0;
                found[index] = Some(findings);
            }
            CheckOutcome::Unreachable(findings, failure) => {
                unreachable += 1;
                found[index] = Some(findings);
                if unreachable >= MAX_UNREACHABLE {
                    stop.get_or_insert(Stop::Network(failure));
                }
            }
            CheckOutcome::Stopped(findings, why) => {
                found[index] = findings;
                stop.get_or_insert(why);
            }
        }
    }
}

fn not_checked(left: usize, stop: &Stop, config: &Config) -> Finding {
    let again =
        "Run `doctor` again in an hour; whatsapp_exporter_poll_up shows every account meanwhile.";
    let (why, cure) = match stop {
        Stop::RateLimit(failure) => (
            format!("Meta limits the calls of the whole app: {failure}"),
            again,
        ),
        Stop::Usage(ratio) => (
            format!(
                "{:.0} % of the app's quota is used, and poll.max_usage_ratio is {}",
                ratio * 100.0,
                config.poll.max_usage_ratio
            ),
            again,
        ),
        Stop::Credentials(failure) => (
            failure.to_string(),
            "Fix this first: Meta rejects every call of the app.",
        ),
        Stop::Network(failure) => (
            format!("the Graph API does not respond: {failure}"),
            super::network::cure(failure, super::network::Server::GraphApi),
        ),
    };
    let noun = if left == 1 {
        "account was"
    } else {
        "accounts were"
    };
    Finding::unknown(ACCOUNT, format!("{left} {noun} not checked: {why}"), cure)
}
