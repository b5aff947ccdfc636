//! Rules about the account: its health, bans, restrictions and reviews, its means of payment, and its templates.

use std::time::Duration;

use super::template::{self, TemplateName};
use super::{Campaign, Candidate, Reasons, age};
use crate::domain::account::{BanState, Link, RestrictionType, ReviewStatus};
use crate::domain::send_gate::SendReasonCode as Code;
use crate::domain::template::Category;
use crate::domain::{
    CanSendMessage, Collector, HealthDetails, PAYMENT_MISSING, SendingCause, Timestamp, Word,
};
use crate::state::account::RestrictionSubject;
use crate::state::{Account, Number, Template};

/// Adds the reasons of the account and of its templates. Returns the age of the oldest data; `None` if some data has
/// never been read.
pub(super) fn judge(
    candidate: &Candidate<'_>,
    number: &Number,
    campaign: &Campaign<'_>,
    reasons: &mut Reasons<'_>,
    now: Timestamp,
) -> Option<Duration> {
    let account = candidate.account;
    let templates = campaign
        .template
        .as_ref()
        .map(|name| name.found_in(account));
    if let Some(name) = &campaign.template {
        judge_templates(
            candidate,
            name,
            templates.as_deref().unwrap_or_default(),
            reasons,
        );
    }
    if account.lost_since().is_some() {
        let message = format!("account {} is no longer visible at Meta", candidate.waba_id);
        reasons.add(Code::AccountLost, message);
    }
    judge_ban(account, reasons);
    judge_review(account, reasons);
    judge_health(account, number, reasons);
    judge_losses(account, number, reasons);
    let categories: Vec<Category> = templates
        .iter()
        .flatten()
        .filter_map(|template| template.category.value())
        .collect();
    judge_restrictions(account, number, &categories, reasons, now);
    let sends_marketing = categories.contains(&Category::Marketing);
    if sends_marketing && account.marketing_disabled.value() == Some(true) {
        let message = "marketing messages by Cloud API are switched off for the account";
        reasons.add(Code::MarketingDisabled, message);
    }
    match age::oldest(account, number, templates.as_deref()) {
        Ok(at) => Some(age::age(at, now)),
        Err(collector) => {
            // Without a listing of templates, every template is unknown, so the missing listing is the reason.
            let what = collector.as_str();
            let message = format!(
                "account {}: no poll of {what} has succeeded",
                candidate.waba_id
            );
            reasons.add(Code::NotReadYet, message);
            None
        }
    }
}

fn judge_templates(
    candidate: &Candidate<'_>,
    name: &TemplateName<'_>,
    templates: &[&Template],
    reasons: &mut Reasons<'_>,
) {
    for template in templates {
        template::judge(template, reasons);
    }
    let is_listed = candidate
        .account
        .last_success(Collector::Templates)
        .is_some();
    if templates.is_empty() && is_listed {
        let message = format!("account {} has no template {name}", candidate.waba_id);
        reasons.add(Code::TemplateUnknown, message);
    }
}

fn judge_ban(account: &Account, reasons: &mut Reasons<'_>) {
    let Some(ban) = account.ban_in_force() else {
        return;
    };
    match ban.state {
        BanState::Disable => reasons.add(Code::AccountBanned, "Meta has disabled the account"),
        BanState::ScheduleForDisable => reasons.add_until(
            Code::AccountDisableScheduled,
            "Meta has scheduled the disabling of the account",
            ban.date,
        ),
        BanState::None | BanState::Reinstate => {}
        BanState::Other => reasons.add(
            Code::RestrictionInForce,
            "Meta reported a ban state that this version does not know",
        ),
    }
}

fn judge_review(account: &Account, reasons: &mut Reasons<'_>) {
    let Some(review) = account.review_status.value() else {
        return;
    };
    let message = format!("the review of the account is {}", review.as_str());
    match review {
        ReviewStatus::Approved => {}
        ReviewStatus::Rejected | ReviewStatus::Restricted => {
            reasons.add(Code::AccountRejected, message);
        }
        ReviewStatus::Pending
        | ReviewStatus::Deferred
        | ReviewStatus::LimitReached
        | ReviewStatus::Other => reasons.add(Code::AccountInReview, message),
    }
}

/// Checks the health of both the account and the number, because Meta may report the payment method at either.
fn judge_health(account: &Account, number: &Number, reasons: &mut Reasons<'_>) {
    let of_account = (account.can_send_message.value(), account.sending_cause());
    let of_number = (number.can_send_message.value(), number.sending_cause());
    let is_unpaid = |word: Option<CanSendMessage>, details: Option<&HealthDetails>| {
        let is_restricted = word.is_some_and(|word| word != CanSendMessage::Available);
        let errors = details.into_iter().flat_map(|details| &details.errors);
        is_restricted
            && errors
                .into_iter()
                .any(|error| error.code == Some(PAYMENT_MISSING))
    };
    if is_unpaid(of_account.0, account.health_details.value())
        || is_unpaid(of_number.0, number.health_details.value())
    {
        let message = format!("no valid payment method ({PAYMENT_MISSING})");
        reasons.add(Code::PaymentMissing, message);
    } else if account.has_funding() == Some(false) {
        let message = "Meta returns no payment method of the account";
        reasons.add(Code::FundingMissing, message);
    }
    judge_word(
        "account",
        of_account,
        [Code::AccountBlocked, Code::AccountLimited],
        reasons,
    );
    judge_word(
        "phone number",
        of_number,
        [Code::NumberBlocked, Code::NumberLimited],
        reasons,
    );
}

fn judge_word(
    subject: &str,
    (word, cause): (Option<CanSendMessage>, Option<SendingCause>),
    [blocked, limited]: [Code; 2],
    reasons: &mut Reasons<'_>,
) {
    let is_named = matches!(
        cause,
        Some(SendingCause::PaymentMissing | SendingCause::PortfolioUnverified)
    );
    let Some(word) = word.filter(|_| !is_named) else {
        return;
    };
    let message = format!("the health of the {subject} is {}", word.as_str());
    match word {
        CanSendMessage::Available => {}
        CanSendMessage::Blocked => reasons.add(blocked, message),
        CanSendMessage::Limited | CanSendMessage::Other => reasons.add(limited, message),
    }
}

/// Adds a reason if Meta has reported that the account or the number is gone. A later poll of the account shows that
/// this app still has access; a number that is gone has another status.
fn judge_losses(account: &Account, number: &Number, reasons: &mut Reasons<'_>) {
    let digits = number.digits();
    let is_about = |event: &&crate::state::account::LastEvent| {
        event.digits.is_none() || event.digits == digits
    };
    let polled = account
        .last_success(Collector::Account)
        .min(account.last_success(Collector::Numbers));
    let losses = account.last_events.iter().filter(|event| {
        event.event.link() == Some(Link::Lost) && !account.last_events.is_reversed(event)
    });
    for loss in losses
        .filter(is_about)
        .filter(|loss| Some(loss.at) >= polled)
    {
        let message = format!("Meta reported {}", loss.event.as_str());
        reasons.add(Code::AccountDisconnected, message);
    }
}

fn judge_restrictions(
    account: &Account,
    number: &Number,
    categories: &[Category],
    reasons: &mut Reasons<'_>,
    now: Timestamp,
) {
    let digits = number.digits();
    for restriction in account.restrictions(now) {
        let concerns_number = match &restriction.subject {
            RestrictionSubject::Account => true,
            RestrictionSubject::Number(id) => *id == number.id,
            RestrictionSubject::UnknownNumber(other) => Some(other) == digits.as_ref(),
        };
        if !concerns_number {
            continue;
        }
        let code = match restriction.kind {
            RestrictionType::BizInitiatedMessaging => Code::MessagingRestricted,
            RestrictionType::UtilityTemplates | RestrictionType::DirectSendUtilityTemplates
                if categories.contains(&Category::Utility) =>
            {
                Code::MessagingRestricted
            }
            RestrictionType::CustomerInitiatedMessaging | RestrictionType::Other => {
                Code::RestrictionInForce
            }
            RestrictionType::UtilityTemplates
            | RestrictionType::DirectSendUtilityTemplates
            | RestrictionType::AddPhoneNumberAction
            | RestrictionType::BizInitiatedAndUserInitiatedCalling
            | RestrictionType::BusinessInitiatedCalling
            | RestrictionType::UserInitiatedCalling
            | RestrictionType::UserInitiatedCallingCallButtonHidden => continue,
        };
        let message = format!("{} is in force", restriction.kind.as_str());
        reasons.add_until(code, message, restriction.ends_at);
    }
}
