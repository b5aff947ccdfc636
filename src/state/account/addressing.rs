//! Finds the phone number that a webhook is about. Webhooks contain digits, and the Graph API may spell the
//! same number differently.

use std::cmp::Reverse;

use super::super::waiting::WaitingWebhook;
use super::super::{Latest, Number, PollTimes, Stamp};
use super::Account;
use crate::domain::number::Spelling;
use crate::domain::{Collector, DisplayDigits, Equivalence, PhoneNumberId};

impl Account {
    /// The number with these digits in an event of this time. `None` while the match is uncertain.
    pub(super) fn number_with(
        &self,
        digits: &DisplayDigits,
        stamp: Stamp,
    ) -> Option<PhoneNumberId> {
        let spelled = self.digits.get(digits).and_then(Latest::value);
        let is_listed = |id: &&PhoneNumberId| self.numbers().any(|number| number.id == **id);
        shown_as(digits, self.numbers())
            .or_else(|| spelled.filter(is_listed).cloned())
            .or_else(|| self.equivalent_number(digits, stamp))
            .or_else(|| self.only_number(digits, stamp))
            // Removed numbers come last: a number may have been registered again under another id.
            .or_else(|| shown_as(digits, self.numbers.values().map(AsRef::as_ref)))
            .or_else(|| spelled.filter(|id| self.numbers.contains_key(*id)).cloned())
    }

    /// The only number whose digits are these in another national spelling.
    fn equivalent_number(&self, digits: &DisplayDigits, stamp: Stamp) -> Option<PhoneNumberId> {
        let is_listed_since = self.is_listed_since(stamp);
        self.one_number(|shown| match shown.equivalence(digits) {
            Some(Equivalence::Certain) => true,
            Some(Equivalence::Likely) => is_listed_since,
            None => false,
        })
    }

    /// The account's only number, if its trailing digits match. The listing must be newer than the event,
    /// because the event may be about a new number.
    fn only_number(&self, digits: &DisplayDigits, stamp: Stamp) -> Option<PhoneNumberId> {
        if !self.is_listed_since(stamp) {
            return None;
        }
        let only = self.one_number(|_| true)?;
        let shown = self.numbers.get(&only)?.digits()?;
        shown.has_subscriber_digits_of(digits).then_some(only)
    }

    /// The listed number whose digits are accepted. `None` if numbers with different digits are accepted.
    fn one_number(&self, is_accepted: impl Fn(&DisplayDigits) -> bool) -> Option<PhoneNumberId> {
        let mut accepted = self
            .numbers()
            .filter_map(Number::digits)
            .filter(is_accepted);
        let first = accepted.next()?;
        accepted.all(|other| other == first).then_some(())?;
        shown_as(&first, self.numbers())
    }

    /// Whether a complete listing is newer.
    pub(super) fn is_listed_since(&self, stamp: Stamp) -> bool {
        let listed = self
            .polls(Collector::Numbers)
            .and_then(PollTimes::last_complete);
        listed.is_some_and(|listed| Stamp::polled(listed) > stamp)
    }

    /// Whether this spelling is already known.
    #[must_use]
    pub fn knows_spelling(&self, spelling: &Spelling) -> bool {
        let spelled = self.digits.get(&spelling.digits);
        spelled.and_then(|known| known.value()) == Some(&spelling.id)
    }

    /// Digits of events that match no number in a later complete listing.
    pub fn unmatched(&self) -> impl Iterator<Item = &DisplayDigits> {
        let unmatched = self.waiting.iter().filter(|one| self.is_unmatched(one));
        unmatched.map(|waiting| &waiting.webhook.digits)
    }

    pub(super) fn is_unmatched(&self, waiting: &WaitingWebhook) -> bool {
        self.is_listed_since(waiting.stamp)
    }
}

/// The number that the Graph API shows with these digits. If one number has several nodes, the active one is used;
/// among equals, the id decides, so that the result does not depend on the order.
fn shown_as<'a>(
    digits: &DisplayDigits,
    numbers: impl Iterator<Item = &'a Number>,
) -> Option<PhoneNumberId> {
    let rank = |number: &&Number| {
        let status = number.status.value();
        let status = status.map_or(u8::MAX, |status| status.rank_for_webhooks());
        (status, Reverse(number.id.clone()))
    };
    let shown = numbers.filter(|number| number.digits().as_ref() == Some(digits));
    shown.min_by_key(rank).map(|number| number.id.clone())
}
