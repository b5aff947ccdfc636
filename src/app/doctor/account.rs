//! Checks one account: read access to it and its phone numbers, its webhook subscription, its payment method, its
//! marketing messages, and the call budget of its polls.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Finding;
use super::calls::{CountedCalls, MAX_CALLS_OF_ACCOUNT};
use super::network::{self, Server};
use crate::app::settings;
use crate::config::Config;
use crate::domain::account::Snapshot;
use crate::domain::{CallbackUrl, PAYMENT_MISSING, WabaId, messages_override, number};
use crate::ingest::graph::{Client, Failure, FailureKind, Usage, UsageScope};
use crate::ingest::poll::{insights_calls, planned_calls};

pub(super) const ACCOUNT: &str = "account";
const NUMBERS: &str = "phone_numbers";
const SUBSCRIBED: &str = "subscribed_apps";
const OVERRIDE: &str = "messages_callback";
const PAYMENT: &str = "payment";
const MARKETING: &str = "marketing_messages";
const INSIGHTS: &str = "insights";
const BUDGET: &str = "api_budget";

/// Maximum number of URLs in a finding: enough for a number's and an account's override.
const MAX_URLS: usize = 3;

/// One account and the context of its checks.
pub(super) struct CheckedAccount {
    pub config: Arc<Config>,
    pub client: Arc<Client>,
    pub waba_id: WabaId,
    /// Whether the token's permissions include the account.
    pub is_granted: bool,
}

/// Result of the checks of one account.
pub(super) enum CheckOutcome {
    /// Findings about the account.
    Checked(Vec<Finding>),
    /// The request failed without a response.
    Unreachable(Vec<Finding>, Failure),
    /// Checks of the app's other accounts must stop. The findings are `None` if none is about this account.
    Stopped(Option<Vec<Finding>>, Stop),
}

/// Why no further account of an app is checked.
pub(super) enum Stop {
    /// Meta rate-limits the whole app.
    RateLimit(Failure),
    /// The share of the app's quota that is used, above the configured maximum.
    Usage(f64),
    /// Meta rejects the app's token or secret.
    Credentials(Failure),
    /// The Graph API does not respond.
    Network(Failure),
}

impl CheckedAccount {
    pub async fn examine(&self) -> CheckOutcome {
        let calls = CountedCalls::for_account();
        let (findings, failure) = self.check(&calls).await;
        if let Some(failure) = failure {
            if failure.is_about_credentials() {
                return CheckOutcome::Stopped(None, Stop::Credentials(failure));
            }
            if failure.is_rate_limit_of_app() {
                return CheckOutcome::Stopped(None, Stop::RateLimit(failure));
            }
            if failure.is_network() {
                return CheckOutcome::Unreachable(findings, failure);
            }
        }
        let usage = calls.usage(UsageScope::App).map(|usage| usage.ratio);
        match usage.filter(|ratio| *ratio >= self.config.poll.max_usage_ratio) {
            Some(ratio) => CheckOutcome::Stopped(Some(findings), Stop::Usage(ratio)),
            None => CheckOutcome::Checked(findings),
        }
    }

    /// The findings, and the failure behind the last one.
    async fn check(&self, calls: &CountedCalls) -> (Vec<Finding>, Option<Failure>) {
        let reading = match self.client.read_account(&self.waba_id, calls).await {
            Ok(reading) => reading,
            Err(failure) => return (vec![self.unreadable(ACCOUNT, &failure)], Some(failure)),
        };
        let name = reading.name.as_deref().unwrap_or("no name set");
        let mut findings = vec![Finding::fine(ACCOUNT, format!("can be read: {name}"))];
        let numbers = self.client.list_numbers(&self.waba_id, calls).await;
        let count = numbers.listing.objects.len();
        findings.push(match &numbers.failure {
            Some(failure) => self.unreadable(NUMBERS, failure),
            None => Finding::fine(NUMBERS, format!("{count} can be read")),
        });
        if self.config.webhook.enabled {
            findings.push(subscribed(reading.webhook_subscribed));
            let expected = settings::expected_callback(&self.config);
            let expected = expected.filter(|_| numbers.failure.is_none());
            let messages =
                expected.map(|expected| override_of(&reading, &numbers.listing.objects, &expected));
            findings.extend(messages);
        }
        findings.extend(payment(&reading));
        findings.extend(marketing(&reading));
        findings.extend(insights(&self.config, &reading));
        let usage = calls.usage(UsageScope::Account);
        findings.push(budget(&self.config, count, usage.as_ref()));
        (findings, numbers.failure)
    }

    fn unreadable(&self, check: &'static str, failure: &Failure) -> Finding {
        let kind = failure.kind();
        if kind == FailureKind::BudgetSpent {
            return Finding::unknown(
                check,
                format!(
                    "not all pages read: `doctor` makes at most {MAX_CALLS_OF_ACCOUNT} calls per account"
                ),
                "Check whatsapp_exporter_poll_up of the account: polls read all pages.",
            );
        }
        if failure.is_network() {
            let message = format!("cannot be read: {}", network::problem(failure));
            return Finding::unknown(check, message, network::cure(failure, Server::GraphApi));
        }
        let message = format!("cannot be read: {failure}");
        let cure = match failure.wrong_node_kind() {
            Some(found) => format!("List the WABA id; this is the id of {}.", found.described()),
            None => self.cure(kind).to_owned(),
        };
        if failure.may_pass() {
            Finding::unknown(check, message, cure)
        } else {
            Finding::problem(check, message, cure)
        }
    }

    fn cure(&self, kind: FailureKind) -> &'static str {
        match kind {
            FailureKind::NotFoundOrHidden | FailureKind::Permission if !self.is_granted => {
                "The token is not granted for this account: in Business Settings, assign the account to the system user, then create a new token."
            }
            FailureKind::NotFoundOrHidden => {
                "Check the id; in Business Settings, assign the account to the system user of the token."
            }
            FailureKind::Permission => {
                "Make a new token with whatsapp_business_management, and assign the account to its system user."
            }
            FailureKind::RateLimit => {
                "Wait until Meta's rate limit window of one hour has passed; if it happens again, lengthen poll.numbers_interval and the other intervals."
            }
            FailureKind::Blocked => {
                "Open WhatsApp Manager: it shows the reason, and how to appeal."
            }
            FailureKind::Transient => {
                "Run `doctor` again; if the error persists, check Meta's status page."
            }
            FailureKind::UnknownField | FailureKind::InvalidParameter => {
                "Set graph.api_version to a version that Meta still serves."
            }
            FailureKind::Malformed => {
                "Check graph.base_url, and whether a proxy changes the responses."
            }
            FailureKind::TooMany => "Compare the account's objects with WhatsApp Manager.",
            FailureKind::TooLarge => "Raise graph.max_answer_bytes.",
            _ => "Look the code up in Meta's list of error codes; report it if it is not there.",
        }
    }
}

fn subscribed(is_subscribed: Option<bool>) -> Finding {
    match is_subscribed {
        Some(true) => Finding::fine(
            SUBSCRIBED,
            "the app is subscribed to the account's webhooks",
        ),
        Some(false) => Finding::problem(
            SUBSCRIBED,
            "the app is not subscribed: Meta sends no webhooks about the account",
            "Run `subscribe`.",
        ),
        None => Finding::unknown(
            SUBSCRIBED,
            "cannot determine whether the app is subscribed",
            "Set the app's id (WHATSAPP_APP_ID).",
        ),
    }
}

/// Reports the numbers whose messages an override moves away from the expected URL.
fn override_of(
    account: &Snapshot,
    numbers: &[number::Snapshot],
    expected: &CallbackUrl,
) -> Finding {
    let of_account = account.callback_override.as_ref();
    let elsewhere: Vec<&CallbackUrl> = numbers
        .iter()
        .filter_map(|one| messages_override(one.webhook_configuration.as_ref(), of_account))
        .filter(|there| *there != expected)
        .collect();
    if elsewhere.is_empty() {
        return Finding::fine(OVERRIDE, "no override moves messages to another URL");
    }
    let urls: BTreeSet<&str> = elsewhere.iter().map(|url| url.as_str()).collect();
    let shown: Vec<&str> = urls.iter().take(MAX_URLS).copied().collect();
    let more = match urls.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Finding::problem(
        OVERRIDE,
        format!(
            "an override moves the messages of {} of {} phone numbers to {}{more}, not to {expected}",
            elsewhere.len(),
            numbers.len(),
            shown.join(", ")
        ),
        "Remove the override of the phone number or of the account, or forward the webhooks from that URL to the exporter.",
    )
}

/// Only Meta's error shows that a payment is missing: an account that a partner pays for has no payment method either.
fn payment(account: &Snapshot) -> Option<Finding> {
    let errors = account
        .health_details
        .iter()
        .flat_map(|details| &details.errors);
    let mut codes = errors.map(|error| error.code);
    let message = format!(
        "no valid payment method (error {PAYMENT_MISSING}): business-initiated messages fail"
    );
    let cure = "Check the payment method in WhatsApp Manager; if a partner pays for the account, contact the partner.";
    codes
        .any(|code| code == Some(PAYMENT_MISSING))
        .then(|| Finding::problem(PAYMENT, message, cure))
}

/// No problem: a business that sends marketing messages by another API switches them off on purpose.
fn marketing(account: &Snapshot) -> Option<Finding> {
    let message = "marketing messages by Cloud API are switched off: they fail with error 131063";
    (account.marketing_disabled == Some(true)).then(|| Finding::fine(MARKETING, message))
}

/// Whether the figures of templates can be polled. No problem: businesses in the EU and in Japan cannot have them.
fn insights(config: &Config, account: &Snapshot) -> Option<Finding> {
    if !config.insights.enabled {
        return None;
    }
    let message = match account.insights_enabled {
        Some(true) => {
            let calls = planned_calls_of_insights(config);
            return Some(Finding::fine(
                INSIGHTS,
                format!(
                    "Meta provides daily figures of templates; at most {calls} calls every {} h are planned for them",
                    config.insights.interval.as_secs().div_ceil(3_600)
                ),
            ));
        }
        Some(false) => {
            "template insights are not switched on for the account, so its templates have no daily figures. Switch them on in WhatsApp Manager, Insights; that cannot be undone. A business in the EU or in Japan cannot: declare its campaigns in trackers.campaigns instead"
        }
        None => "Meta does not report whether template insights are switched on for the account",
    };
    Some(Finding::fine(INSIGHTS, message))
}

/// The most calls that one poll of insights can take, without the first, which also reads the past.
fn planned_calls_of_insights(config: &Config) -> u64 {
    settings::cadences(config)
        .insights
        .map_or(0, |options| insights_calls(options.max_templates, &options))
}

/// Compares the planned calls of the account's polls with the allowed calls and with the quota usage that Meta
/// reports.
fn budget(config: &Config, numbers: usize, usage: Option<&Usage>) -> Finding {
    let cadences = settings::cadences(config);
    let planned = planned_calls(&cadences, numbers, None);
    let allowed = config.poll.calls_per_hour;
    let used = usage.map(|usage| format!("; {:.0} % of Meta's quota is used", usage.ratio * 100.0));
    let message = format!(
        "{planned} calls an hour are planned, plus more for templates beyond the first hundred; {allowed} are allowed{}",
        used.unwrap_or_default()
    );
    let is_spent = usage.is_some_and(|usage| usage.ratio >= config.poll.max_usage_ratio);
    if planned > u64::from(allowed) {
        Finding::problem(
            BUDGET,
            message,
            "Lengthen poll.numbers_interval and the other intervals, or raise poll.calls_per_hour as far as Meta allows.",
        )
    } else if is_spent {
        Finding::problem(
            BUDGET,
            message,
            "The quota is nearly used up: poll less often, or find out what else calls Meta with this app.",
        )
    } else {
        Finding::fine(BUDGET, message)
    }
}
