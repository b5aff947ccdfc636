//! The use of the messaging limit of an account's portfolio, in the page and the JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Facts;
use super::value::Limit;
use crate::domain::{BusinessId, WabaId};
use crate::insight::headroom::{self, Headroom, MessageWebhooks};
use crate::state::Account;

/// The portfolio that owns an account.
#[derive(Debug, Serialize)]
pub struct PortfolioStatus {
    pub business_id: String,
    pub messaging_limit: Option<Limit>,
    /// Number of customers that count towards the limit. `None` if it cannot be computed.
    pub recipients: Option<u64>,
    /// How many more customers may be messaged now. `None` if unknown.
    pub left: Option<Limit>,
    pub used_ratio: Option<f64>,
    /// Share of the webhooks about messages that were received.
    pub coverage_ratio: Option<f64>,
    /// Whether there are too many customers to be counted.
    pub has_too_many_customers: bool,
}

/// The use of the messaging limit of each portfolio that owns one of these accounts. Computed once, because all
/// accounts of a portfolio share it.
pub(super) fn portfolios(shown: &[WabaId], facts: &Facts) -> BTreeMap<BusinessId, Headroom> {
    let webhooks = MessageWebhooks {
        access: &facts.access,
        assignments: &facts.assignments,
        callback: facts.callback.as_ref(),
    };
    let accounts = shown.iter().filter_map(|id| facts.accounts.get(id));
    let owners: BTreeSet<&BusinessId> = accounts
        .filter_map(|account| account.business_id.value())
        .collect();
    let used = owners.into_iter().filter_map(|business_id| {
        let (accounts, unions) = (&facts.accounts, &facts.unions);
        let used = headroom::of_portfolio(business_id, accounts, &webhooks, unions, facts.now)?;
        Some((business_id.clone(), used))
    });
    used.collect()
}

impl PortfolioStatus {
    /// The portfolio that owns the account. `None` until known.
    pub(super) fn new(
        account: &Account,
        portfolios: &BTreeMap<BusinessId, Headroom>,
    ) -> Option<Self> {
        let business_id = account.business_id.value()?;
        let used = portfolios.get(business_id)?;
        Some(Self::from_headroom(business_id, used))
    }

    fn from_headroom(business_id: &BusinessId, used: &Headroom) -> Self {
        Self {
            business_id: business_id.to_string(),
            messaging_limit: used.limit.map(Limit),
            recipients: used.recipients,
            left: used.left().map(Limit),
            used_ratio: used.used_ratio(),
            coverage_ratio: used.coverage,
            has_too_many_customers: used.has_too_many_customers,
        }
    }
}
