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
use crate::domain::account::{BanState, EventKind, Link, ViolationEffect};
use crate::domain::{
    CallbackUrl, Collector, DisplayDigits, QualityRating, SendingCause, Timestamp, WabaId, Word,
};
use crate::state::account::{ActiveRestriction, LastEvent, LastViolation, RestrictionSubject};
use crate::state::{Account, Accounts, Number};

/// Remaining validity of an access token below which it is an issue, in seconds. The same as in the alerts.
pub(super) const TOKEN_WARNING_S: i64 = 14 * 86_400;
const TOKEN_CRITICAL_S: i64 = 3 * 86_400;

/// The issue of a word that is bad in itself, after its subject.
fn bad<W: Word + Into<Level>>(what: &str, word: Option<W>) -> Option<Issue> {
    let word = word?;
    let level = word.into();
    let is_bad = level <= Level::Warning;
    is_bad.then(|| Issue::new(level, format!("{what} {}", word.as_str())))
}

/// Issues of a number, worst first.
pub(super) fn for_number(
    number: &Number,
    account: &Account,
    callback: Option<&CallbackUrl>,
    now: Timestamp,
) -> Vec<Issue> {
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
        for_override(number, account, callback),
    ];
    let found = found.into_iter().flatten();
    sorted(found.chain(for_reports(number, now)).collect())
}

/// Issues that only webhooks report: a possible take-over, a rejected name and suspended groups.
fn for_reports(number: &Number, now: Timestamp) -> Vec<Issue> {
    let events = number.last_security_event.iter();
    let recent = events.filter(|(_, at)| level_of_report(*at, now) <= Level::Warning);
    let recent = recent.map(|(event, at)| {
        let (event, at) = (event.as_str(), distance(*at, now));
        Issue::warning(format!("security event {event} {at}"))
    });
    let rejection = number.name_rejection();
    let rejection = rejection.map(|reason| {
        let text = format!("display name rejected ({})", reason.as_str());
        Issue::warning(text)
    });
    let groups = number.suspended_groups().filter(|groups| *groups > 0);
    let groups = groups.map(|groups| Issue::warning(format!("groups suspended: {groups}")));
    recent.chain(rejection).chain(groups).collect()
}

/// An override that moves messages away from the expected URL. A wrong URL of the app is an issue of the app.
fn for_override(
    number: &Number,
    account: &Account,
    callback: Option<&CallbackUrl>,
) -> Option<Issue> {
    let (there, expected) = (account.messages_override(number)?, callback?);
    (there != expected).then(|| {
        Issue::warning(format!(
            "its messages webhooks go to {there}, not to webhook.callback_url"
        ))
    })
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
    account: &Account,
    templates: &BTreeMap<Concern, usize>,
    polls: Vec<Issue>,
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
    let ban = account.ban_in_force();
    if ban.is_some_and(|ban| ban.state == BanState::Disable) {
        found.push(Issue::critical("Meta has disabled the account"));
    }
    let restrictions = account.restrictions(now).into_iter();
    found.extend(restrictions.map(|one| for_restriction(&one, account, now)));
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
    let violations = account.last_violations.iter().rev();
    found.extend(violations.filter_map(|violation| for_violation(violation, now)));
    let flows = account.flow_alerts.active();
    found.extend(flows.map(|(alert, at)| {
        let (flow, event) = (&alert.flow_id, alert.event.as_str());
        let at = distance(at, now);
        Issue::warning(format!("{event} of Flow {flow} {at}"))
    }));
    found.extend(polls);
    found.extend(for_templates(templates));
    sorted(found)
}

fn for_restriction(restriction: &ActiveRestriction, account: &Account, now: Timestamp) -> Issue {
    let number = restricted_number(&restriction.subject, account);
    let number = about_number(number.as_deref());
    let ends = restriction.ends_at;
    let ends = ends.map(|at| format!(", ends {}", distance(at, now)));
    let (kind, ends) = (restriction.kind.as_str(), ends.unwrap_or_default());
    Issue::critical(format!("{kind}{number}{ends}"))
}

/// The digits of the restricted number, as far as they are known.
pub(super) fn restricted_number(subject: &RestrictionSubject, account: &Account) -> Option<String> {
    let digits = match subject {
        RestrictionSubject::Account => return None,
        RestrictionSubject::UnknownNumber(digits) => Some(digits.clone()),
        RestrictionSubject::Number(id) => account.number(id).and_then(Number::digits),
    };
    digits.map(|digits| digits.as_str().to_owned())
}

fn about_number(digits: Option<&str>) -> String {
    digits.map_or_else(String::new, |digits| format!(" for phone number {digits}"))
}

/// Issue of a warning, or of a violation for which Meta recommends an action. Other violations are among the events,
/// and a restriction that came with one is an issue of its own.
fn for_violation(violation: &LastViolation, now: Timestamp) -> Option<Issue> {
    let is_warning = violation.kind.effect() == ViolationEffect::Warning;
    let level = level_of_report(violation.at, now);
    let text = || {
        let number = about_number(violation.digits.as_ref().map(DisplayDigits::as_str));
        let (kind, at) = (violation.kind.as_str(), distance(violation.at, now));
        let remediation = violation.remediation.as_ref();
        let remediation = remediation.map_or_else(String::new, |text| format!(": {text}"));
        format!("{kind}{number} {at}{remediation}")
    };
    let says_more = is_warning || violation.remediation.is_some();
    (says_more && level <= Level::Warning).then(|| Issue::new(level, text()))
}

/// Severity of the last violation, warning or security event of a kind: nothing reports that it is settled.
pub(super) fn level_of_report(at: Timestamp, now: Timestamp) -> Level {
    if recency::is_recent(at, now) {
        Level::Warning
    } else {
        Level::Neutral
    }
}

/// Issue of an `account_update` that no other state shows: a lost account or number, or a policy violation.
fn for_event(event: &LastEvent, account: &Account, now: Timestamp) -> Option<Issue> {
    let number = about_number(event.digits.as_ref().map(DisplayDigits::as_str));
    let reason = event.disconnection.and_then(|one| one.reason);
    let reason = reason.map_or_else(String::new, |reason| format!(" ({})", reason.as_str()));
    let text = format!(
        "{}{number}{reason} {}",
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

/// Issues of an account's polls.
pub(super) fn for_polls(waba_id: &WabaId, figures: &Figures, now: Timestamp) -> Vec<Issue> {
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
fn for_templates(counts: &BTreeMap<Concern, usize>) -> Option<Issue> {
    let urgent = |concern: &&Concern| concern.level() <= Level::Warning;
    let level = counts.keys().filter(urgent).map(|concern| concern.level());
    let level = level.min()?;
    let counts = counts
        .iter()
        .filter(|(concern, _)| urgent(concern))
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
