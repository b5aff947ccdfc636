//! Can each account and its numbers be read, do its webhooks come, and do its polls fit their budget?

use std::collections::BTreeSet;

use super::{App, Finding};
use crate::app::settings;
use crate::config::Config;
use crate::domain::WabaId;
use crate::domain::access::Token;
use crate::ingest::graph::{Failure, FailureKind, Usage};
use crate::ingest::poll::planned_calls;

const ACCOUNT: &str = "account";
const NUMBERS: &str = "phone_numbers";
const SUBSCRIBED: &str = "subscribed_apps";
const BUDGET: &str = "api_budget";

/// Accounts looked at for each app: more would spend calls that polls need.
const MOST: usize = 25;

pub(super) async fn look(
    config: &Config,
    app: &App<'_>,
    accounts: &[WabaId],
    token: Option<&Token>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for waba_id in accounts.iter().take(MOST) {
        let granted = token.and_then(|token| token.accounts.as_ref());
        let found = examine(config, app, waba_id, granted).await.into_iter();
        findings.extend(found.map(|finding| finding.about(waba_id.as_str())));
    }
    if accounts.len() > MOST {
        findings.push(
            Finding::unknown(
                ACCOUNT,
                format!("{} more accounts were not looked at", accounts.len() - MOST),
                "whatsapp_exporter_poll_up tells of all of them once the exporter runs.",
            )
            .about(&app.config.name),
        );
    }
    findings
}

async fn examine(
    config: &Config,
    app: &App<'_>,
    waba_id: &WabaId,
    granted: Option<&BTreeSet<WabaId>>,
) -> Vec<Finding> {
    let reading = match app.client.read_account(waba_id, app.calls).await {
        Ok(reading) => reading,
        Err(failure) => return vec![unreadable(ACCOUNT, &failure, granted, waba_id)],
    };
    let name = reading.name.as_deref().unwrap_or("it has no name");
    let mut findings = vec![Finding::fine(ACCOUNT, format!("can be read: {name}"))];
    let numbers = app.client.list_numbers(waba_id, app.calls).await;
    let count = numbers.listing.objects.len();
    findings.push(match &numbers.failure {
        Some(failure) => unreadable(NUMBERS, failure, granted, waba_id),
        None => Finding::fine(NUMBERS, format!("{count} can be read")),
    });
    if config.webhook.enabled {
        findings.push(subscribed(reading.webhook_subscribed));
    }
    findings.push(budget(config, count, app.calls.take_usage().as_ref()));
    findings
}

fn unreadable(
    check: &'static str,
    failure: &Failure,
    granted: Option<&BTreeSet<WabaId>>,
    waba_id: &WabaId,
) -> Finding {
    let is_granted = granted.is_none_or(|granted| granted.contains(waba_id));
    let cure = match failure.kind() {
        _ if !is_granted => {
            "The token is not for this account: in Business Settings, assign the account to the system user, then make the token anew."
        }
        FailureKind::NotFoundOrHidden => {
            "Check the id; in Business Settings, assign the account to the system user of the token."
        }
        FailureKind::Permission => {
            "Make the token anew with whatsapp_business_management, and assign the account to its system user."
        }
        _ => "See the message; if it may pass, try again.",
    };
    let message = format!("cannot be read: {failure}");
    let may_pass = matches!(
        failure.kind(),
        FailureKind::Transient
            | FailureKind::Timeout
            | FailureKind::Connection
            | FailureKind::BudgetSpent
    );
    if may_pass {
        Finding::unknown(check, message, cure)
    } else {
        Finding::problem(check, message, cure)
    }
}

fn subscribed(is_subscribed: Option<bool>) -> Finding {
    match is_subscribed {
        Some(true) => Finding::fine(SUBSCRIBED, "the app gets its webhooks"),
        Some(false) => Finding::problem(
            SUBSCRIBED,
            "the app is not subscribed: no webhook of it comes",
            "Run `subscribe`.",
        ),
        None => Finding::unknown(
            SUBSCRIBED,
            "cannot tell whether the app is subscribed",
            "Set the app's id (WHATSAPP_APP_ID).",
        ),
    }
}

/// What the polls of the account will take, beside what may be taken and what Meta says is gone.
fn budget(config: &Config, numbers: usize, usage: Option<&Usage>) -> Finding {
    let cadences = settings::cadences(config);
    let planned = planned_calls(&cadences, numbers, None);
    let allowed = config.poll.calls_per_hour;
    let used =
        usage.map(|usage| format!("; {:.0} % of Meta's quota are used", usage.ratio * 100.0));
    let message = format!(
        "{planned} calls an hour are planned, and more for templates beyond the first hundred; {allowed} are allowed{}",
        used.unwrap_or_default()
    );
    let is_spent = usage.is_some_and(|usage| usage.ratio >= config.poll.max_usage_ratio);
    if planned > u64::from(allowed) {
        Finding::problem(
            BUDGET,
            message,
            "Lengthen poll.numbers_interval and its like, or raise poll.calls_per_hour as far as Meta allows.",
        )
    } else if is_spent {
        Finding::problem(
            BUDGET,
            message,
            "Something uses up the quota: poll less often, or find the other user of this app.",
        )
    } else {
        Finding::fine(BUDGET, message)
    }
}
