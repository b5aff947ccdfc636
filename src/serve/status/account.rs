//! One account with its numbers and the templates that have problems, worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use super::concern::{self, Concern};
use super::issue::{self, Issue};
use super::issues;
use super::level::Level;
use super::number::NumberStatus;
use super::portfolio::PortfolioStatus;
use super::selection::AccountSelection;
use super::sending::{self, ShownEntity};
use super::template::TemplateStatus;
use super::timeline::{ACCOUNT, Segment, ShownSteps};
use super::value::{Ahead, Limit, MetaWord, PastTime};
use crate::domain::account::{
    ATTRIBUTES, BanState, DisconnectionReason, EventKind, FlowEventKind, Initiator,
    MarketingOnboarding, RestrictionType, ReviewStatus, ViolationType,
};
use crate::domain::{BusinessId, CanSendMessage, Collector, Timestamp, WabaId, Word};
use crate::insight::headroom::Headroom;
use crate::state::{Account, Number, Template, account};

/// Maximum number of shown numbers of one account; `/metrics` has all of them.
pub(super) const MAX_NUMBERS: usize = 100;
pub(super) const MAX_TEMPLATES: usize = 20;

/// An account.
#[derive(Debug, Serialize)]
pub struct AccountStatus {
    pub waba_id: String,
    pub name: Option<String>,
    /// The highest severity among its own issues and its numbers'.
    pub level: Level,
    /// Issues of the account itself; the issues of numbers are listed with them.
    #[serde(rename = "troubles")]
    pub issues: Vec<Issue>,
    pub review_status: Option<MetaWord<ReviewStatus>>,
    pub can_send_message: Option<MetaWord<CanSendMessage>>,
    /// Severity of `can_send_message` for this account.
    pub can_send_level: Level,
    pub health: Vec<ShownEntity>,
    /// Whether a means of payment is attached.
    pub funding_attached: Option<bool>,
    /// Whether marketing messages by Cloud API are switched off.
    pub marketing_disabled: Option<bool>,
    pub marketing_onboarding_status: Option<MetaWord<MarketingOnboarding>>,
    pub messaging_limit: Option<Limit>,
    /// The portfolio that owns the account. `None` until known.
    pub portfolio: Option<PortfolioStatus>,
    pub webhook_subscribed: Option<bool>,
    pub ban_state: Option<MetaWord<BanState>>,
    /// When Meta disables the account.
    pub disabled: Option<Ahead>,
    pub restrictions: Vec<ShownRestriction>,
    /// The last `account_update` of each kind, newest first.
    pub last_events: Vec<ShownEvent>,
    /// The last violation or warning of each type, newest first.
    pub violations: Vec<ShownViolation>,
    /// The active alerts of Flows.
    pub flow_alerts: Vec<ShownFlowAlert>,
    pub timelines: AccountTimelines,
    pub polls: Vec<Poll>,
    pub api: Api,
    /// Time of the last webhook since the exporter started.
    pub last_webhook: Option<PastTime>,
    pub phone_numbers_total: usize,
    pub phone_numbers: Vec<NumberStatus>,
    pub templates_total: usize,
    pub template_problems_total: usize,
    pub template_problems: Vec<TemplateStatus>,
    /// Templates with past problems by status: counted, not listed.
    pub templates_past: BTreeMap<&'static str, usize>,
}

/// The last `account_update` of one kind.
#[derive(Debug, Serialize)]
pub struct ShownEvent {
    pub event: MetaWord<EventKind>,
    /// The digits of the phone number in the event.
    pub phone_number: Option<String>,
    /// Why a phone number was disconnected.
    pub reason: Option<MetaWord<DisconnectionReason>>,
    pub initiated_by: Option<MetaWord<Initiator>>,
    pub level: Level,
    #[serde(flatten)]
    pub when: PastTime,
}

/// The last violation or warning of one type.
#[derive(Debug, Serialize)]
pub struct ShownViolation {
    pub violation_type: MetaWord<ViolationType>,
    /// The digits of the phone number in the event.
    pub phone_number: Option<String>,
    /// Meta's text on what to do.
    pub remediation: Option<String>,
    pub level: Level,
    #[serde(flatten)]
    pub when: PastTime,
}

/// An active alert of a Flow.
#[derive(Debug, Serialize)]
pub struct ShownFlowAlert {
    pub flow_id: String,
    pub event: MetaWord<FlowEventKind>,
    #[serde(flatten)]
    pub when: PastTime,
}

/// A restriction in force.
#[derive(Debug, Serialize)]
pub struct ShownRestriction {
    pub kind: MetaWord<RestrictionType>,
    /// The restricted phone number. `None` if the whole account is restricted, and while the number is unknown.
    pub phone_number_id: Option<String>,
    /// The digits of the restricted phone number.
    pub phone_number: Option<String>,
    /// `None` if Meta gives no end.
    pub ends: Option<Ahead>,
}

/// Values of the last thirty days. Empty if the journal cannot be read.
#[derive(Debug, Serialize)]
pub struct AccountTimelines {
    pub can_send_message: Vec<Segment>,
}

/// Age of the data of one collector.
#[derive(Debug, Serialize)]
pub struct Poll {
    pub collector: MetaWord<Collector>,
    pub last_success: Option<PastTime>,
    pub is_failing: bool,
}

/// The Graph API's quota.
#[derive(Debug, Serialize)]
pub struct Api {
    /// Used share of the quota; at 1 calls are refused.
    pub usage_ratio: Option<f64>,
    pub planned_calls_per_hour: Option<u64>,
    /// When calls are allowed again. `None` while they are allowed.
    pub regained: Option<Ahead>,
}

impl AccountStatus {
    pub(super) fn new(
        waba_id: &WabaId,
        account: &Account,
        facts: &Facts,
        portfolios: &BTreeMap<BusinessId, Headroom>,
        selection: &AccountSelection,
        steps: Option<&ShownSteps>,
    ) -> Self {
        let (now, callback) = (facts.now, facts.callback.as_ref());
        let polls_issues = issues::for_polls(waba_id, &facts.figures, now);
        let concerns = concern::counts(account, now);
        let issues = issues::for_account(account, &concerns, polls_issues, now);
        let mut numbers: Vec<&Number> = account.numbers().collect();
        numbers.sort_by_cached_key(|number| {
            let issues = issues::for_number(number, account, callback, now);
            (!selection.finds(number), issue::worst(&issues))
        });
        let (problems, templates_past) = template_problems(account, now);
        let shown = numbers.iter().take(MAX_NUMBERS);
        let phone_numbers: Vec<_> = shown
            .map(|one| NumberStatus::new(one, account, steps, callback, now))
            .collect();
        let worst_number = phone_numbers.iter().map(|one| one.level).min();
        let (can_send, id) = (&account.can_send_message, waba_id.as_str());
        let attribute = (ACCOUNT, ATTRIBUTES.can_send_message.name);
        let last_webhook = facts.figures.last_received(waba_id);
        Self {
            waba_id: waba_id.to_string(),
            name: account.name.value().cloned(),
            level: issue::worst(&issues).min(worst_number.unwrap_or(Level::Fine)),
            issues,
            review_status: account.review_status.value().map(MetaWord),
            can_send_message: can_send.value().map(MetaWord),
            can_send_level: sending::level(can_send.value(), account.sending_cause()),
            health: sending::entities(account.health.value(), account.health_details.value()),
            funding_attached: account.has_funding(),
            marketing_disabled: account.marketing_disabled.value(),
            marketing_onboarding_status: account
                .marketing_onboarding
                .value()
                .copied()
                .map(MetaWord),
            messaging_limit: account.messaging_limit.value().map(Limit),
            portfolio: PortfolioStatus::new(account, portfolios),
            webhook_subscribed: account.webhook_subscribed.value().copied(),
            ban_state: account.ban_in_force().map(|ban| MetaWord(ban.state)),
            disabled: account.disable_scheduled_at().map(|at| Ahead::new(at, now)),
            restrictions: restrictions(account, now),
            last_events: last_events(account, now),
            violations: violations(account, now),
            flow_alerts: flow_alerts(account, now),
            timelines: AccountTimelines {
                can_send_message: steps
                    .map_or(vec![], |steps| steps.timeline(attribute, id, can_send)),
            },
            polls: polls(waba_id, account, facts),
            api: api(waba_id, facts),
            last_webhook: last_webhook.map(|at| PastTime::new(at, now)),
            phone_numbers_total: numbers.len(),
            phone_numbers,
            templates_total: account.templates().count(),
            template_problems_total: problems.len(),
            template_problems: problems
                .into_iter()
                .take(MAX_TEMPLATES)
                .map(|(concern, one)| TemplateStatus::new(account, one, concern, now))
                .collect(),
            templates_past,
        }
    }
}

/// The templates with current problems, sorted by urgency and then newest first, and the number of templates
/// with past problems.
fn template_problems(
    account: &Account,
    now: Timestamp,
) -> (Vec<(Concern, &Template)>, BTreeMap<&'static str, usize>) {
    let (mut problems, mut past) = (Vec::new(), BTreeMap::new());
    for template in account.templates() {
        match Concern::from_template(template, now) {
            None => {}
            Some(Concern::Past) => {
                let status = template.status.value().map_or("OTHER", Word::as_str);
                *past.entry(status).or_default() += 1;
            }
            Some(concern) => problems.push((concern, template)),
        }
    }
    problems.sort_by_key(|(concern, template)| (*concern, Reverse(template.status.changed())));
    (problems, past)
}

fn last_events(account: &Account, now: Timestamp) -> Vec<ShownEvent> {
    let last_event = |one: &account::LastEvent| ShownEvent {
        event: MetaWord(one.event),
        phone_number: one.digits.as_ref().map(|digits| digits.as_str().to_owned()),
        reason: one.disconnection.and_then(|it| it.reason).map(MetaWord),
        initiated_by: one
            .disconnection
            .and_then(|it| it.initiated_by)
            .map(MetaWord),
        level: issues::level_of_event(one, account, now),
        when: PastTime::new(one.at, now),
    };
    account.last_events.iter().rev().map(last_event).collect()
}

fn violations(account: &Account, now: Timestamp) -> Vec<ShownViolation> {
    let violation = |one: &account::LastViolation| ShownViolation {
        violation_type: MetaWord(one.kind),
        phone_number: one.digits.as_ref().map(|digits| digits.as_str().to_owned()),
        remediation: one.remediation.clone(),
        level: issues::level_of_report(one.at, now),
        when: PastTime::new(one.at, now),
    };
    account
        .last_violations
        .iter()
        .rev()
        .map(violation)
        .collect()
}

fn flow_alerts(account: &Account, now: Timestamp) -> Vec<ShownFlowAlert> {
    let shown = |(alert, at): (&account::FlowAlert, Timestamp)| ShownFlowAlert {
        flow_id: alert.flow_id.to_string(),
        event: MetaWord(alert.event),
        when: PastTime::new(at, now),
    };
    account.flow_alerts.active().map(shown).collect()
}

fn restrictions(account: &Account, now: Timestamp) -> Vec<ShownRestriction> {
    let restriction = |one: account::ActiveRestriction| ShownRestriction {
        kind: MetaWord(one.kind),
        phone_number_id: one.phone_number_id().map(ToString::to_string),
        phone_number: issues::restricted_number(&one.subject, account),
        ends: one.ends_at.map(|at| Ahead::new(at, now)),
    };
    let in_force = account.restrictions(now).into_iter();
    in_force.map(restriction).collect()
}

fn polls(waba_id: &WabaId, account: &Account, facts: &Facts) -> Vec<Poll> {
    // Most installations do not poll insights.
    let is_shown = |one: &&Collector| {
        let is_polled =
            account.last_success(**one).is_some() || facts.figures.is_failing(waba_id, **one);
        !one.is_other() && (**one != Collector::Insights || is_polled)
    };
    let collectors = Collector::ALL.iter().filter(is_shown);
    let poll = |collector: &Collector| Poll {
        collector: MetaWord(*collector),
        last_success: account
            .last_success(*collector)
            .map(|at| PastTime::new(at, facts.now)),
        is_failing: facts.figures.is_failing(waba_id, *collector),
    };
    collectors.map(poll).collect()
}

fn api(waba_id: &WabaId, facts: &Facts) -> Api {
    let regained = facts.figures.regain_access(waba_id);
    Api {
        usage_ratio: facts.figures.usage_ratio(waba_id),
        planned_calls_per_hour: facts.figures.planned_calls(waba_id),
        regained: regained
            .filter(|at| *at > facts.now)
            .map(|at| Ahead::new(at, facts.now)),
    }
}
