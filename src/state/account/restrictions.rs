//! The restrictions of an account and of its phone numbers, and which of them are in force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::observation::Observation;
use super::super::redate::{Dated, Redating};
use super::super::saved::Saved;
use super::super::{History, Stamp};
use super::Account;
use crate::domain::account::{RESTRICTION, Restriction, RestrictionScope, RestrictionType};
use crate::domain::{CanSendMessage, DisplayDigits, PhoneNumberId, Timestamp};

/// Maximum number of types and phone numbers with a restriction, in force or over. Meta allows most accounts 25
/// numbers and has nine types; beyond the maximum, the restriction that was reported first is forgotten.
const MAX_KEPT: usize = 256;

/// All reports of restrictions, by type and phone number.
///
/// The key is the number's digits, not its id: a webhook contains only digits, and the restriction must be shown before
/// a poll has found the number with these digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Restrictions(
    #[serde(with = "Saved")] BTreeMap<RestrictionScope, History<Restriction>>,
);

/// A restriction in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActiveRestriction {
    /// The restricted function.
    pub kind: RestrictionType,
    /// What is restricted.
    pub subject: RestrictionSubject,
    /// When it ends. `None` if Meta gives no end.
    pub ends_at: Option<Timestamp>,
}

/// What a restriction applies to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestrictionSubject {
    /// The whole account.
    Account,
    /// One of its phone numbers.
    Number(PhoneNumberId),
    /// A phone number that no poll has shown with these digits.
    UnknownNumber(DisplayDigits),
}

impl ActiveRestriction {
    /// The id of the restricted number. `None` for the whole account, and while the number is unknown.
    #[must_use]
    pub fn phone_number_id(&self) -> Option<&PhoneNumberId> {
        match &self.subject {
            RestrictionSubject::Number(id) => Some(id),
            RestrictionSubject::Account | RestrictionSubject::UnknownNumber(_) => None,
        }
    }
}

impl Dated for Restrictions {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl Restrictions {
    /// Records a report about the account, or about the number with these digits.
    pub fn observe(
        &mut self,
        restriction: Restriction,
        digits: Option<&DisplayDigits>,
        observation: &mut Observation<'_>,
    ) {
        let scope = RestrictionScope {
            kind: restriction.kind,
            digits: digits.cloned(),
        };
        let history = self.0.entry(scope).or_default();
        observation.observe(RESTRICTION, history, Some(restriction));
        if self.0.len() > MAX_KEPT {
            let reports = self.0.iter();
            let oldest = reports.min_by_key(|(scope, history)| (history.last_seen(), *scope));
            let oldest = oldest.map(|(scope, _)| scope.clone());
            oldest.map(|scope| self.0.remove(&scope));
        }
    }

    /// The newest report that restrictions of this type are lifted. A report about the account applies to all its
    /// numbers. A report about a number also applies to the account: Meta restricts Direct Send for accounts only.
    fn lifted(&self, kind: RestrictionType, digits: Option<&DisplayDigits>) -> Option<Stamp> {
        let reports = self.0.iter().filter(|(scope, _)| scope.kind == kind);
        let about = reports.filter(|(scope, _)| {
            digits.is_none() || scope.digits.is_none() || scope.digits.as_ref() == digits
        });
        about
            .filter_map(|(_, history)| history.last_of(|one| one.is_lifted()))
            .max()
    }
}

impl Account {
    /// The restrictions in force at `now`.
    ///
    /// Meta reports the end of Direct Send restrictions only. Any other restriction without an end time is over when
    /// its number is no longer listed; a restriction of messages is also over when a poll finds that its number or its
    /// account can send.
    #[must_use]
    pub fn restrictions(&self, now: Timestamp) -> Vec<ActiveRestriction> {
        // Two spellings of one number are one subject, and its newest report counts.
        let mut newest = BTreeMap::new();
        for (scope, history) in &self.restrictions.0 {
            let (Some(restriction), Some(observed)) = (history.value(), history.last_seen()) else {
                continue;
            };
            let lifted = self.restrictions.lifted(scope.kind, scope.digits.as_ref());
            let is_lifted = restriction.is_lifted() || lifted > Some(observed);
            let report = (observed, !is_lifted, restriction);
            let subject = self.subject_of(scope, observed);
            let known = newest.entry((scope.kind, subject)).or_insert(report);
            *known = report.max(*known);
        }
        let in_force = newest.into_iter().filter(|((_, subject), report)| {
            let (observed, is_unlifted, restriction) = *report;
            is_unlifted && self.is_in_force(restriction, subject, observed, now)
        });
        in_force
            .map(|((kind, subject), (.., restriction))| ActiveRestriction {
                kind,
                subject,
                ends_at: restriction.expires_at,
            })
            .collect()
    }

    fn subject_of(&self, scope: &RestrictionScope, observed: Stamp) -> RestrictionSubject {
        let Some(digits) = &scope.digits else {
            return RestrictionSubject::Account;
        };
        match self.number_with(digits, observed) {
            Some(id) => RestrictionSubject::Number(id),
            None => RestrictionSubject::UnknownNumber(digits.clone()),
        }
    }

    fn is_in_force(
        &self,
        restriction: Restriction,
        subject: &RestrictionSubject,
        observed: Stamp,
        now: Timestamp,
    ) -> bool {
        if let Some(end) = restriction.expires_at {
            return end > now;
        }
        let freed = self
            .can_send_since(subject)
            .filter(|_| restriction.kind.is_about_messages());
        freed < Some(observed) && !self.is_removed_since(subject, observed)
    }

    /// The newest poll, if it finds that the subject can send. The health of the account does not cover a number that
    /// no poll has shown.
    fn can_send_since(&self, subject: &RestrictionSubject) -> Option<Stamp> {
        let health = match subject {
            RestrictionSubject::Account => &self.can_send_message,
            RestrictionSubject::Number(id) => {
                let number = self.numbers.get(id).map(|it| &it.can_send_message);
                let polled = number.filter(|health| health.value().is_some());
                polled.unwrap_or(&self.can_send_message)
            }
            RestrictionSubject::UnknownNumber(_) => return None,
        };
        let is_available = health.value() == Some(CanSendMessage::Available);
        health.last_seen().filter(|_| is_available)
    }

    /// Whether a complete listing after the report no longer contains the number.
    fn is_removed_since(&self, subject: &RestrictionSubject, observed: Stamp) -> bool {
        let RestrictionSubject::Number(id) = subject else {
            return false;
        };
        self.is_listed_since(observed) && self.numbers().all(|number| number.id != *id)
    }
}
