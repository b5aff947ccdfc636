//! The use of the portfolio's messaging limit, against the recipients of a campaign.

use std::cmp::Ordering;

use super::{Candidate, Reasons};
use crate::domain::MessagingLimit;
use crate::domain::send_gate::SendReasonCode as Code;
use crate::state::Number;

/// The limit of a campaign's portfolio, and how much of it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitUse {
    /// The limit. `None` if unknown.
    pub limit: Option<MessagingLimit>,
    /// Customers who count towards it now. `None` if unknown.
    pub used: Option<u64>,
}

impl LimitUse {
    pub(super) fn new(candidate: &Candidate<'_>, number: &Number) -> Self {
        let known = candidate.portfolio.limit;
        let of_number = || number.messaging_limit.value();
        let of_account = || candidate.account.messaging_limit.value();
        Self {
            limit: known.or_else(of_account).or_else(of_number),
            used: candidate.portfolio.recipients,
        }
    }

    /// Customers who can still be reached. `None` if there is no limit, or if it or its use is unknown.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self.limit? {
            MessagingLimit::Unlimited => None,
            MessagingLimit::Customers(limit) => Some(limit.saturating_sub(self.used?)),
        }
    }

    /// Whether there is no limit. `None` if unknown.
    #[must_use]
    pub fn is_unlimited(&self) -> Option<bool> {
        self.limit.map(|limit| limit == MessagingLimit::Unlimited)
    }

    /// The limit with fewer customers left; an unknown limit counts as the tighter one.
    pub(super) fn tighter(self, other: Self) -> Self {
        let rank = |one: &Self| (one.limit.is_some(), one.left().unwrap_or(u64::MAX));
        match rank(&self).cmp(&rank(&other)) {
            Ordering::Greater => other,
            Ordering::Less | Ordering::Equal => self,
        }
    }
}

/// Adds the reasons of the limit.
pub(super) fn judge(
    recipients: Option<u64>,
    used: LimitUse,
    candidate: &Candidate<'_>,
    reasons: &mut Reasons<'_>,
) {
    let limit = match used.limit {
        None => {
            let message = "the messaging limit is unknown";
            return reasons.add(Code::HeadroomUnknown, message);
        }
        Some(MessagingLimit::Unlimited) => return,
        Some(MessagingLimit::Customers(limit)) => limit,
    };
    // The use is a lower bound, so an exceeded limit is certain even if the use is partly or entirely unknown.
    let left = limit.saturating_sub(used.used.unwrap_or(0));
    let wanted = recipients.unwrap_or(1);
    if wanted > left {
        let message = match recipients {
            Some(recipients) => {
                format!("{recipients} recipients, but at most {left} of {limit} are left")
            }
            None => format!("the messaging limit of {limit} is used up"),
        };
        reasons.add(Code::LimitExceeded, message);
    }
    if used.used.is_none() {
        let message = "the use of the messaging limit in the last 24 hours is unknown";
        reasons.add(Code::HeadroomUnknown, message);
    } else if candidate.portfolio.coverage.is_none_or(|share| share < 1.0) {
        let message = "the use of the messaging limit is a lower bound: not all messages of the portfolio were observed";
        reasons.add(Code::HeadroomIncomplete, message);
    }
}
