//! The send gate: whether a campaign may be sent from a phone number, with the reasons.
//!
//! Each rule adds a reason with a code. The policy gives each code an effect, and the strongest effect is the verdict.
//!
//! Invariant: missing data never gives "go". Data that the rules need and that is missing is a reason of its own.

mod account;
mod age;
mod limit;
mod number;
mod template;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::send_gate::{SendEffect, SendPolicy, SendReasonCode, SendVerdict};
use crate::domain::{PhoneNumberId, Timestamp, WabaId};
use crate::insight::headroom::Headroom;
use crate::insight::opt_out_surge::OptOutSurge;
use crate::state::{Account, Number};

pub use limit::LimitUse;
pub use template::TemplateName;

/// Period in which an earlier deterioration is still a reason for caution. Meta's own periods for a rating are seven
/// days, and so is that of the alerts about losses.
const RECENT: Duration = Duration::from_secs(7 * 86_400);

/// A planned campaign.
#[derive(Clone, Copy, Debug)]
pub struct Campaign<'a> {
    /// The sending phone number.
    pub phone_number_id: &'a PhoneNumberId,
    /// The template. `None` to judge the phone number and the account alone.
    pub template: Option<TemplateName<'a>>,
    /// Number of customers. `None` if unknown.
    pub recipients: Option<u64>,
}

/// An account that may list the phone number, with figures that are not in its own state.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Id of the account.
    pub waba_id: &'a WabaId,
    /// Its state.
    pub account: &'a Account,
    /// The use of its portfolio's messaging limit. Unknown for an account without a portfolio.
    pub portfolio: Headroom,
    /// A surge of opt-outs of the phone number. `None` without one, or if the past is too short for a comparison.
    pub opt_out_surge: Option<OptOutSurge>,
}

/// The decision about a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct SendDecision {
    /// The verdict.
    pub verdict: SendVerdict,
    /// The accounts that the decision is about.
    pub waba_ids: Vec<WabaId>,
    /// The reasons, strongest effect first. Reasons that the policy ignores are at the end.
    pub reasons: Vec<SendReason>,
    /// The use of the messaging limit.
    pub limit: LimitUse,
    /// Age of the oldest data on which the decision is based. `None` if some of it has never been read.
    pub data_age: Option<Duration>,
}

/// A reason for the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendReason {
    /// Its code.
    pub code: SendReasonCode,
    /// Its effect.
    pub effect: SendEffect,
    /// What was found.
    pub message: String,
    /// Time at which the condition ends, or at which an announced change happens.
    pub until: Option<Timestamp>,
}

/// Reasons that the rules have found.
struct Reasons<'a> {
    policy: &'a SendPolicy,
    found: Vec<SendReason>,
}

impl Reasons<'_> {
    fn add(&mut self, code: SendReasonCode, message: impl Into<String>) {
        self.add_until(code, message, None);
    }

    fn add_until(
        &mut self,
        code: SendReasonCode,
        message: impl Into<String>,
        until: Option<Timestamp>,
    ) {
        let reason = SendReason {
            code,
            effect: self.policy.effect(code),
            message: message.into(),
            until,
        };
        // Two accounts of one phone number often have the same reason.
        if !self.found.contains(&reason) {
            self.found.push(reason);
        }
    }

    /// The strongest effect first.
    fn sorted(mut self) -> Vec<SendReason> {
        self.found
            .sort_by_key(|reason| (std::cmp::Reverse(reason.effect), reason.code));
        self.found
    }
}

/// Decides about a campaign. The phone number may be listed by several of the accounts; the campaign then concerns
/// those that have its template, or all of them.
#[must_use]
pub fn decide(
    campaign: &Campaign<'_>,
    candidates: &[Candidate<'_>],
    policy: &SendPolicy,
    now: Timestamp,
) -> SendDecision {
    let mut reasons = Reasons {
        policy,
        found: Vec::new(),
    };
    let listing = candidates.iter().filter_map(|candidate| {
        let number = candidate.account.listed_number(campaign.phone_number_id)?;
        Some((candidate, number))
    });
    let listing: Vec<_> = listing.collect();
    let concerned = with_template(campaign, &listing);
    let mut limit = LimitUse::default();
    let mut age = None;
    if concerned.is_empty() {
        add_unlisted(campaign, candidates, &mut reasons);
    }
    for (place, (candidate, number)) in concerned.iter().enumerate() {
        let of_account = account::judge(candidate, number, campaign, &mut reasons, now);
        number::judge(candidate, number, &mut reasons, now);
        let used = LimitUse::new(candidate, number);
        limit::judge(campaign.recipients, used, candidate, &mut reasons);
        limit = if place == 0 {
            used
        } else {
            limit.tighter(used)
        };
        age = if place == 0 {
            of_account
        } else {
            // The age is unknown if that of one account is unknown.
            age.zip(of_account).map(|(one, other)| one.max(other))
        };
    }
    if age.is_some_and(|age: Duration| age > policy.max_age) {
        let message = "the data is older than gate.max_age";
        reasons.add(SendReasonCode::StaleData, message);
    }
    let reasons = reasons.sorted();
    let strongest = reasons.first().map_or(SendEffect::Ignore, |one| one.effect);
    SendDecision {
        verdict: strongest.verdict(),
        waba_ids: concerned
            .iter()
            .map(|(candidate, _)| candidate.waba_id.clone())
            .collect(),
        reasons,
        limit,
        data_age: age,
    }
}

type Listing<'l, 'a> = (&'l Candidate<'a>, &'a Number);

/// The accounts that have the template, or all if none has it.
fn with_template<'l, 'a>(
    campaign: &Campaign<'_>,
    listing: &[Listing<'l, 'a>],
) -> Vec<Listing<'l, 'a>> {
    let Some(name) = &campaign.template else {
        return listing.to_vec();
    };
    let having = listing
        .iter()
        .filter(|(candidate, _)| name.is_in(candidate.account));
    let having: Vec<_> = having.copied().collect();
    if having.is_empty() {
        listing.to_vec()
    } else {
        having
    }
}

/// No account lists the phone number.
fn add_unlisted(campaign: &Campaign<'_>, candidates: &[Candidate<'_>], reasons: &mut Reasons<'_>) {
    let id = campaign.phone_number_id;
    let unread = candidates.iter().find(|candidate| {
        candidate.account.has_number(id) && !age::has_listed_numbers(candidate.account)
    });
    match unread {
        Some(candidate) => reasons.add(
            SendReasonCode::NotReadYet,
            format!(
                "the phone numbers of account {} have never been listed completely",
                candidate.waba_id
            ),
        ),
        None => reasons.add(
            SendReasonCode::NumberUnknown,
            format!("no watched account lists phone number {id}"),
        ),
    }
}
