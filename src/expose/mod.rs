//! Renders the state as metric families. One file per noun; every metric is declared once, as a value.
//!
//! Invariant: pure, and computed anew for every scrape. Only the current state has series, so no label value becomes
//! stale.

mod access;
mod account;
pub mod backfill;
mod campaign;
mod cause;
mod exporter;
mod insights;
mod journey;
mod metric;
mod number;
mod page;
mod portfolio;
mod rows;
mod template;
mod traffic;

use std::sync::Arc;

use prometheus::proto::MetricFamily;

pub use metric::{Metric, MetricKind};
pub use page::{EntityLabels, Family, Page, SampleValue, TextFormat};

pub use crate::domain::{StateSets, TemplateDetail};

use crate::domain::access::AccessStates;
use crate::domain::{Assignments, BusinessHours, CallbackUrl, Timestamp, WabaId};
use crate::insight::headroom::{self, MessageWebhooks, RecipientUnions};
use crate::state::{Account, Accounts};
use rows::Rows;

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// The level of detail of template metrics.
    pub template_detail: TemplateDetail,
    /// How the states of templates are rendered.
    pub state_sets: StateSets,
    /// Maximum number of per-template series of one account.
    pub template_series_limit: usize,
    /// The hours of the second clock for response and waiting times. `None` if not configured.
    pub business_hours: Option<Arc<BusinessHours>>,
    /// The URL at which webhooks are expected. `None` if not configured.
    pub callback: Option<CallbackUrl>,
    /// Names of the declared campaigns.
    pub campaigns: Vec<String>,
}

/// State of the apps.
#[derive(Clone, Copy, Debug)]
pub struct Apps<'a> {
    /// Their tokens and subscriptions, by configured name.
    pub access: &'a AccessStates,
    /// The accounts that they watch.
    pub assignments: &'a Assignments,
    /// The recipients of the portfolios, as of earlier counts.
    pub unions: &'a RecipientUnions,
}

impl Apps<'_> {
    /// The callback URL at Meta of the app that polls the account. `None` if unknown.
    #[must_use]
    pub fn callback_of(&self, waba_id: &WabaId) -> Option<&CallbackUrl> {
        let app = self.assignments.app_of(waba_id)?;
        self.access.get(app.as_ref())?.callback.as_ref()
    }
}

/// A rendered scrape.
#[derive(Debug)]
pub struct Scrape {
    /// The text of the page.
    pub text: String,
    /// Number of templates that the series ceiling kept out.
    pub refused_templates: u64,
}

/// Initial capacity per account, and its maximum in total. Too low an estimate only costs copies.
const BYTES_PER_ACCOUNT: usize = 16 * 1024;
const BYTES_TO_BEGIN_WITH: usize = 16 * 1024 * 1024;

/// Renders everything: accounts as of `now`, apps, and `own`, the exporter's own registry.
#[must_use]
pub fn render(
    accounts: &Accounts,
    apps: &Apps<'_>,
    own: &[MetricFamily],
    now: Timestamp,
    options: &Options,
    format: TextFormat,
) -> Scrape {
    let mut page = Page::new(
        format,
        (accounts.len() * BYTES_PER_ACCOUNT).min(BYTES_TO_BEGIN_WITH),
    );
    number::write(&mut page, accounts, apps, options.callback.as_ref());
    cause::write(&mut page, accounts, now);
    traffic::write(&mut page, accounts, now, options);
    journey::write(&mut page, accounts);
    campaign::write(&mut page, accounts, options);
    let refused_templates = template::write(&mut page, accounts, options);
    let rows: Rows<'_, Account> = accounts
        .iter()
        .map(|(id, account)| {
            (
                EntityLabels::new(&[("waba_id", id.as_str())]),
                account.as_ref(),
            )
        })
        .collect();
    template::write_accounts(&mut page, &rows);
    account::write(&mut page, &rows, now);
    let webhooks = MessageWebhooks {
        access: apps.access,
        assignments: apps.assignments,
        callback: options.callback.as_ref(),
    };
    let portfolios = headroom::portfolios(accounts, &webhooks, apps.unions, now);
    portfolio::write(&mut page, &portfolios);
    insights::write_accounts(&mut page, &rows);
    insights::write_numbers(&mut page, accounts);
    access::write(&mut page, apps.access);
    exporter::write(&mut page, accounts, apps.assignments, own);
    Scrape {
        text: page.finish(),
        refused_templates,
    }
}

/// Every metric about Meta's side, and the two about the exporter that are derived from the state.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    let files = [
        number::ALL,
        cause::ALL,
        traffic::ALL,
        journey::ALL,
        campaign::ALL,
        template::ALL,
        insights::ALL,
        account::ALL,
        portfolio::ALL,
        access::ALL,
        exporter::ALL,
    ];
    files.into_iter().flatten().copied()
}
