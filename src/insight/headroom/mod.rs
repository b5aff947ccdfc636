//! The use of the messaging limit of a portfolio.
//!
//! Meta counts the unique customers to whom the portfolio delivered messages outside a customer service window in the
//! last 24 hours, over all phone numbers of all its accounts, and does not report that number. This module computes it
//! from the recipients of each phone number. The coverage shows how complete it is.

mod coverage;
mod union;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use coverage::MessageWebhooks;
pub use union::RecipientUnions;

use crate::domain::{BusinessId, MessagingLimit, Timestamp, WabaId};
use crate::state::{Account, Accounts, Recipients};
use union::NumberOfAccount;

/// The use of the messaging limit of one portfolio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Headroom {
    /// The portfolio's messaging limit. `None` until known.
    pub limit: Option<MessagingLimit>,
    /// Number of customers that count towards the limit. `None` if it cannot be computed: message webhooks are not
    /// read, none of the portfolio's numbers has any, or the limit on stored customers was reached.
    pub recipients: Option<u64>,
    /// Share of the last 24 hours of the portfolio's known numbers whose message webhooks were received. Below 1,
    /// `recipients` lacks customers. `None` without known numbers, or if message webhooks are not read.
    pub coverage: Option<f64>,
    /// Whether the limit on stored customers was reached in the period that counts.
    pub has_too_many_customers: bool,
}

impl Headroom {
    /// How many more customers the portfolio may message now. `None` if the limit or the number of recipients is
    /// unknown; an unlimited portfolio needs no number of recipients.
    #[must_use]
    pub fn left(&self) -> Option<MessagingLimit> {
        match self.limit? {
            MessagingLimit::Unlimited => Some(MessagingLimit::Unlimited),
            MessagingLimit::Customers(limit) => {
                let left = limit.saturating_sub(self.recipients?);
                Some(MessagingLimit::Customers(left))
            }
        }
    }

    /// Used share of the limit; above 1 if it is exceeded, 0 for an unlimited portfolio. `None` if the limit or the
    /// number of recipients is unknown.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "customers are far below 2^53")]
    pub fn used_ratio(&self) -> Option<f64> {
        let recipients = self.recipients? as f64;
        match self.limit? {
            MessagingLimit::Unlimited => Some(0.0),
            // Nobody may be messaged, so nothing is left.
            MessagingLimit::Customers(0) => Some(1.0),
            MessagingLimit::Customers(limit) => Some(recipients / limit as f64),
        }
    }
}

/// The use of the messaging limit of each portfolio that an account names as its owner.
#[must_use]
pub fn portfolios(
    accounts: &Accounts,
    webhooks: &MessageWebhooks<'_>,
    unions: &RecipientUnions,
    now: Timestamp,
) -> BTreeMap<BusinessId, Headroom> {
    let mut owned: BTreeMap<&BusinessId, Vec<(&WabaId, &Account)>> = BTreeMap::new();
    for (waba_id, account) in accounts {
        if let Some(business_id) = account.business_id.value() {
            let of_portfolio = owned.entry(business_id).or_default();
            of_portfolio.push((waba_id, account));
        }
    }
    unions.keep(|business_id| owned.contains_key(business_id));
    let computed = owned.into_iter().map(|(business_id, accounts)| {
        let used = of_accounts(business_id, &accounts, webhooks, unions, now);
        (business_id.clone(), used)
    });
    computed.collect()
}

/// The use of the messaging limit of one portfolio. `None` if no account names it as its owner.
#[must_use]
pub fn of_portfolio(
    business_id: &BusinessId,
    accounts: &Accounts,
    webhooks: &MessageWebhooks<'_>,
    unions: &RecipientUnions,
    now: Timestamp,
) -> Option<Headroom> {
    let is_owned = |account: &Arc<Account>| account.business_id.value() == Some(business_id);
    let owned = accounts.iter().filter(|(_, account)| is_owned(account));
    let owned: Vec<_> = owned.map(|(id, account)| (id, account.as_ref())).collect();
    (!owned.is_empty()).then(|| of_accounts(business_id, &owned, webhooks, unions, now))
}

fn of_accounts(
    business_id: &BusinessId,
    accounts: &[(&WabaId, &Account)],
    webhooks: &MessageWebhooks<'_>,
    unions: &RecipientUnions,
    now: Timestamp,
) -> Headroom {
    let coverage = coverage::coverage(accounts, webhooks, now);
    let missing = accounts
        .iter()
        .map(|(_, one)| one.recipients_missing_until());
    let has_too_many_customers = missing.max().flatten().is_some_and(|until| until > now);
    let is_known = coverage.is_some_and(|share| share > 0.0) && !has_too_many_customers;
    Headroom {
        limit: limit(accounts),
        recipients: is_known.then(|| unions.count(business_id, &recipients(accounts), now)),
        coverage,
        has_too_many_customers,
    }
}

/// The recipients of each number of these accounts.
fn recipients<'a>(
    accounts: &[(&WabaId, &'a Account)],
) -> BTreeMap<NumberOfAccount, &'a Recipients> {
    let numbers = accounts.iter().flat_map(|(waba_id, account)| {
        let of_numbers = account.traffic();
        of_numbers.map(|one| (((*waba_id).clone(), one.id.clone()), one.recipients()))
    });
    numbers.collect()
}

/// The limit that was observed last. All numbers of a portfolio share it. If one listing has different limits, the
/// lowest is used.
fn limit(accounts: &[(&WabaId, &Account)]) -> Option<MessagingLimit> {
    let seen = accounts.iter().flat_map(|(_, account)| {
        let of_numbers = account.numbers().map(|number| &number.messaging_limit);
        of_numbers.chain([&account.messaging_limit])
    });
    let seen = seen.filter_map(|history| Some((history.last_seen()?, history.value()?)));
    let newest = seen.max_by_key(|(seen_at, limit)| (*seen_at, std::cmp::Reverse(*limit)));
    newest.map(|(_, limit)| limit)
}

#[cfg(test)]
mod tests;
