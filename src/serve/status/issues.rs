//! The issues of numbers, accounts, apps and the exporter, as sentences for the top of the page.

use std::collections::BTreeMap;

use super::concern::Concern;
use super::figures::Figures;
use super::issue::Issue;
use super::level::Level;
use super::value::Ahead;
use super::words::distance;
use super::{recency, sending, service};
use crate::domain::access::{Access, End, Token};
use crate::domain::account::{BanState, EventKind, Link};
use crate::domain::{Collector, QualityRating, SendingCause, Timestamp, WabaId, Word};
use crate::state::account::LastEvent;
use crate::state::{Account, Accounts, Number};

/// Remaining validity of an access token below which it is an issue, in seconds. The same as in the alerts.
pub(super) const TOKEN_WARNING_S: i64 = 14 * 86_400;
const TOKEN_CRITICAL_S: i64 = 3 * 86_400;

/// The issue of a word that is bad in itself, prefixed with what it is about.
fn bad<W: Word + Into<Level>>(what: &str, word: Option<W>) -> Option<Issue> {
    let word = word?;
    let level = word.into();
    let is_bad = level <= Level::Warning;
    is_bad.then(|| Issue::new(level, format!("{what} {}", word.as_str())))
}

/// Issues of a number, worst first.
pub(super) fn for_number(number: &Number, account: &Account, now: Timestamp) -> Vec<Issue> {
    let flagged = number.flagged_deadline().map(|deadline| {
        let acts = if deadline > now {
            format!("Meta takes action {}", distance(deadline, now))
        } else {
            format!("the deadline passed {}", distance(deadline, now))
        };
        Issue::critical(format!("flagged; {acts}"))
    });
    // The flag already reports it.
    let status = number.status.value();
    let status = status.filter(|status| flagged.is_none() || status.as_str() != "FLAGGED");
    let found = [
        flagged,
        bad("status", status),
        service::issue(number, account, now),
        sending_issue(number, account),
        bad::<QualityRating>("rated", number.quality_rating.value()),
    ];
    sorted(found.into_iter().flatten().collect())
}

/// As in the alerts, a missing payment is an issue of the account, and not of each of its numbers.
fn sending_issue(number: &Number, account: &Account) -> Option<Issue> {
    let cause = number.sending_cause();
    let details = number.health_details.value();
    let issue = sending::issue(number.can_send_message.value(), cause, details)?;
    let unpaid = Some(SendingCause::PaymentMissing);
    Some(if cause == unpaid && account.sending_cause() == unpaid {
        Issue::new(Level::Neutral, issue.text)
    } else {
        issue
    })
}

/// Issues of an account itself, its templates and its polls, worst first.
pub(super) fn for_account(
    waba_id: &WabaId,
    account: &Account,
    figures: &Figures,
    now: Timestamp,
) -> Vec<Issue> {
    let mut found: Vec<Issue> = Vec::new();
    found.extend(account.lost_since().map(|at| {
        let lost = distance(at, now);
        Issue::critical(format!("Meta no longer shows the account (lost {lost})"))
    }));
    found.extend(
        account
            .disable_scheduled_at()
            .map(|at| Issue::critical(format!("Meta disables the account {}", distance(at, now)))),
    );
    let ban = account.ban.value();
    if ban.is_some_and(|ban| ban.state == BanState::Disable) {
        found.push(Issue::critical("Meta has disabled the account"));
    }
    found.extend(account.restrictions(now).map(|(kind, ends)| {
        let ends = ends.map(|at| format!(", ends {}", distance(at, now)));
        Issue::critical(format!("{}{}", kind.as_str(), ends.unwrap_or_default()))
    }));
    found.extend(bad("review", account.review_status.value()));
    found.extend(sending::issue(
        account.can_send_message.value(),
        account.sending_cause(),
        account.health_details.value(),
    ));
    if account.webhook_subscribed.value() == Some(&false) {
        let text = "the app is not subscribed to the account's webhooks; run `subscribe`";
        found.push(Issue::critical(text));
    }
    let events = account.last_events.iter().rev();
    found.extend(events.filter_map(|event| for_event(event, account, now)));
    found.extend(for_polls(waba_id, figures, now));
    found.extend(for_templates(account, now));
    sorted(found)
}

/// Issue of an `account_update` that no other state shows: a lost account or number, or a policy violation.
fn for_event(event: &LastEvent, account: &Account, now: Timestamp) -> Option<Issue> {
    let number = event.digits.as_ref();
    let number = number.map_or_else(String::new, |digits| {
        format!(" for phone number {}", digits.as_str())
    });
    let text = format!(
        "{}{number} {}",
        event.event.as_str(),
        distance(event.at, now)
    );
    let level = level_of_event(event, account, now);
    (level <= Level::Warning).then(|| Issue::new(level, text))
}

/// Severity of the last event of a kind.
pub(super) fn level_of_event(event: &LastEvent, account: &Account, now: Timestamp) -> Level {
    match event.event.link() {
        Some(Link::Lost) if !account.last_events.is_reversed(event) => {
            recency::loss_level(event.at, now)
        }
        _ if event.event == EventKind::AccountViolation && recency::is_recent(event.at, now) => {
            Level::Warning
        }
        _ => Level::Neutral,
    }
}

/// Issues of the set of watched accounts.
pub(super) fn for_fleet(
    accounts: &Accounts,
    watched: &BTreeMap<String, usize>,
    failing_discoveries: &[String],
) -> Vec<Issue> {
    let mut found = Vec::new();
    for (app, _) in watched.iter().filter(|(_, count)| **count == 0) {
        let text = format!("app {app} watches no account: none is listed or discovered");
        found.push(Issue::critical(text));
    }
    for app in failing_discoveries {
        let text = format!("account discovery of app {app} fails; see the log");
        found.push(Issue::warning(text));
    }
    if accounts.is_empty() {
        let text = "no accounts are watched: list them in the app's `accounts`, or assign them to the token's system user so that discovery finds them";
        found.push(Issue::critical(text));
    }
    found
}

fn for_polls(waba_id: &WabaId, figures: &Figures, now: Timestamp) -> Vec<Issue> {
    let collectors = Collector::ALL.iter().copied();
    let failing = collectors.filter(|collector| figures.is_failing(waba_id, *collector));
    let failing: Vec<&str> = failing.map(Word::as_str).collect();
    let mut found = Vec::new();
    if !failing.is_empty() {
        let text = format!("polls fail: {}; see the log", failing.join(", "));
        found.push(Issue::warning(text));
    }
    let regain = figures.regain_access(waba_id).filter(|at| *at > now);
    found.extend(regain.map(|at| {
        let text = format!(
            "Meta's API quota is used up; polls resume {}",
            distance(at, now)
        );
        Issue::warning(text)
    }));
    found
}

/// One line for all templates with current problems: an account may have hundreds.
fn for_templates(account: &Account, now: Timestamp) -> Option<Issue> {
    let mut counts = BTreeMap::<Concern, usize>::new();
    let concerns = account.templates();
    let concerns = concerns.filter_map(|template| Concern::from_template(template, now));
    for concern in concerns.filter(|concern| concern.level() <= Level::Warning) {
        *counts.entry(concern).or_default() += 1;
    }
    let level = counts.keys().map(|concern| concern.level()).min()?;
    let counts = counts
        .iter()
        .map(|(concern, count)| format!("{count} {}", concern.as_phrase()));
    let counts: Vec<String> = counts.collect();
    Some(Issue::new(
        level,
        format!("templates: {}", counts.join(", ")),
    ))
}

/// Issues of an app's access, worst first.
pub(super) fn for_app(access: &Access, now: Timestamp) -> Vec<Issue> {
    let mut found = Vec::new();
    if let Some(token) = &access.token {
        found.extend(for_token(token, now));
    }
    if let Some(subscription) = &access.subscription {
        let missing = subscription.missing_fields();
        if !missing.is_empty() {
            let text = format!("webhook fields not subscribed: {}", missing.join(", "));
            found.push(Issue::warning(text));
        }
    }
    if access.callback_matches == Some(false) {
        let text = "its callback URL differs from webhook.callback_url";
        found.push(Issue::warning(text));
    }
    sorted(found)
}

fn for_token(token: &Token, now: Timestamp) -> Vec<Issue> {
    if !token.is_valid {
        return vec![Issue::critical("Meta no longer accepts the access token")];
    }
    let missing = token.missing_scopes();
    let scopes = (!missing.is_empty())
        .then(|| Issue::critical(format!("the token lacks {}", missing.join(", "))));
    let ends = [
        ("the access token expires", token.expires),
        (
            "the token's access to data expires",
            token.data_access_expires,
        ),
    ];
    let ends = ends
        .into_iter()
        .filter_map(|(what, end)| ending(what, end?, now));
    scopes.into_iter().chain(ends).collect()
}

fn ending(what: &str, end: End, now: Timestamp) -> Option<Issue> {
    let End::At(at) = end else {
        return None;
    };
    let left = Ahead::new(at, now).in_seconds;
    let level = if left < TOKEN_CRITICAL_S {
        Level::Critical
    } else {
        Level::Warning
    };
    let text = || format!("{what} {}", distance(at, now));
    (left < TOKEN_WARNING_S).then(|| Issue::new(level, text()))
}

/// Sorts by severity, worst first; keeps the order among equals.
fn sorted(mut issues: Vec<Issue>) -> Vec<Issue> {
    issues.sort_by_key(|issues| issues.level);
    issues
}
