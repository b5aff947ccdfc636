//! Renders the state as metric families. One file per noun; every metric is declared once, as a value.
//!
//! Invariant: pure, and computed anew for every scrape. Only the current state has series, so no label value becomes
//! stale.

mod access;
mod account;
pub mod backfill;
mod campaign;
mod cause;
mod experiment;
mod exporter;
mod insights;
mod journey;
mod metric;
mod number;
mod page;
mod portfolio;
mod rows;
mod sample_value;
mod selection;
mod template;
mod template_totals;
mod traffic;

use std::sync::Arc;

use prometheus::proto::MetricFamily;

pub use metric::{Metric, MetricKind};
pub use page::{EntityLabels, Family, Page, SampleValue, TextFormat};
pub use selection::{FamilyGroup, Selection};

pub use crate::domain::{StateSets, TemplateDetail};

use crate::domain::access::AccessStates;
use crate::domain::experiment::Experiments;
use crate::domain::journey::Journeys;
use crate::domain::{Assignments, BusinessHours, CallbackUrl, Timestamp, WabaId};
use crate::insight::experiments;
use crate::insight::headroom::{self, MessageWebhooks, RecipientUnions};
use crate::state::{Account, Accounts, SharedNumbers};
use rows::Rows;
use template::ShownTemplates;

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// The level of detail of template metrics.
    pub template_detail: TemplateDetail,
    /// The series of states and counters, single templates aside.
    pub state_sets: StateSets,
    /// Whether counters and histograms show in OpenMetrics when they were created.
    pub created_timestamps: bool,
    /// The series of the states of single templates.
    pub template_state_sets: StateSets,
    /// Maximum number of per-template series of one account.
    pub template_series_limit: usize,
    /// The hours of the second clock for response and waiting times. `None` if not configured.
    pub business_hours: Option<Arc<BusinessHours>>,
    /// The URL at which webhooks are expected. `None` if not configured.
    pub callback: Option<CallbackUrl>,
    /// The declared journeys.
    pub journeys: Journeys,
    /// Names of the declared campaigns.
    pub campaigns: Vec<String>,
    /// The declared experiments.
    pub experiments: Experiments,
    /// Whether insights are polled.
    pub polls_insights: bool,
}

/// State of the apps.
#[derive(Clone, Copy)]
pub struct Apps<'a> {
    /// Their tokens and subscriptions, by configured name.
    pub access: &'a AccessStates,
    /// Whether this process exports the series of an app or a portfolio, which belong to no account. Takes the app's
    /// name or the portfolio's id.
    pub exports: &'a (dyn Fn(&str) -> bool + Sync),
    /// The accounts that they watch.
    pub assignments: &'a Assignments,
    /// The accounts of the portfolios that this process exports, those of other replicas included. `None` if there are
    /// no other replicas.
    pub portfolio_accounts: Option<&'a Accounts>,
    /// The source of the counters of campaigns and experiments. `None` if there are no other replicas.
    pub campaigns: Option<CampaignSource<'a>>,
    /// The recipients of the portfolios, as of earlier counts.
    pub unions: &'a RecipientUnions,
}

/// The source of the counters of campaigns and experiments, if there are several replicas.
#[derive(Clone, Copy)]
pub struct CampaignSource<'a> {
    /// The accounts of all replicas.
    pub accounts: &'a Accounts,
    /// Whether this process exports the campaign or experiment of this name.
    pub exports: &'a (dyn Fn(&str) -> bool + Sync),
}

impl<'a> Apps<'a> {
    /// The apps of a process without other replicas, which exports everything.
    #[must_use]
    pub const fn without_replicas(
        access: &'a AccessStates,
        assignments: &'a Assignments,
        unions: &'a RecipientUnions,
    ) -> Self {
        Self {
            access,
            exports: &|_| true,
            assignments,
            portfolio_accounts: None,
            campaigns: None,
            unions,
        }
    }

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
    /// Number of templates that have no series because of the series limit.
    pub refused_templates: u64,
}

/// Number of accounts that are written together, one family after the other. With their phone numbers they fit into the
/// cache of a processor.
const ACCOUNTS_AT_ONCE: usize = 64;

/// Renders the selected families: of the accounts as of `now`, of the apps, and of `own`, the exporter's own registry.
#[must_use]
pub fn render(
    accounts: &Accounts,
    apps: &Apps<'_>,
    own: &[MetricFamily],
    now: Timestamp,
    options: &Options,
    selection: Selection,
    format: TextFormat,
) -> Scrape {
    let here = selection.accounts(accounts, ACCOUNTS_AT_ONCE);
    let mut page = Page::new(format, options.state_sets);
    if options.created_timestamps {
        page = page.with_created();
    }
    write_numbers(&mut page, accounts, &here, apps, now, options, selection);
    if selection.has(FamilyGroup::Campaigns) {
        match &apps.campaigns {
            None => campaign::write(&mut page, accounts, options, |_| true),
            Some(source) => campaign::write(&mut page, source.accounts, options, source.exports),
        }
    }
    if selection.has(FamilyGroup::Experiments) {
        let declared = &options.experiments;
        let reports = match &apps.campaigns {
            None => experiments::reports(declared, accounts, |_| true),
            Some(source) => experiments::reports(declared, source.accounts, source.exports),
        };
        experiment::write(&mut page, &reports);
    }
    let refused_templates = write_templates(&mut page, &here, options, selection);
    for some in &here {
        if selection.has(FamilyGroup::Templates) {
            template_totals::write(&mut page, some);
        }
        if selection.has(FamilyGroup::Accounts) {
            account::write(&mut page, &account_rows(some), now);
        }
    }
    if selection.has(FamilyGroup::Portfolios) {
        let webhooks = MessageWebhooks {
            access: apps.access,
            assignments: apps.assignments,
            callback: options.callback.as_ref(),
        };
        let owned = apps.portfolio_accounts.unwrap_or(accounts);
        let mut portfolios = headroom::portfolios(owned, &webhooks, apps.unions, now);
        portfolios.retain(|business_id, _| (apps.exports)(business_id.as_str()));
        portfolio::write(&mut page, &portfolios);
    }
    for some in here.iter().filter(|_| selection.has(FamilyGroup::Insights)) {
        insights::write_accounts(&mut page, &account_rows(some));
        insights::write_numbers(&mut page, some);
    }
    if selection.has(FamilyGroup::Access) {
        access::write(&mut page, apps.access, apps.exports);
    }
    if selection.has(FamilyGroup::Exporter) {
        exporter::write(&mut page, accounts, apps.assignments, own, options);
    }
    Scrape {
        text: page.finish(),
        refused_templates,
    }
}

/// Writes the families of the accounts in `here`. If several of `all` accounts list a number, one of them represents
/// it.
fn write_numbers(
    page: &mut Page,
    all: &Accounts,
    here: &[Accounts],
    apps: &Apps<'_>,
    now: Timestamp,
    options: &Options,
    selection: Selection,
) {
    let has_numbers = selection.has(FamilyGroup::Numbers);
    let shared = has_numbers.then(|| SharedNumbers::new(all));
    for some in here {
        if let Some(shared) = &shared {
            number::write(page, some, shared, apps, options.callback.as_ref());
        }
        if selection.has(FamilyGroup::Causes) {
            cause::write(page, some, now);
        }
        if selection.has(FamilyGroup::Traffic) {
            traffic::write(page, some, now, options);
        }
        if selection.has(FamilyGroup::Journeys) {
            journey::write(page, some, &options.journeys);
        }
    }
}

/// Returns the number of templates that have no series because of the series limit.
fn write_templates(
    page: &mut Page,
    accounts: &[Accounts],
    options: &Options,
    selection: Selection,
) -> u64 {
    let (states, figures) = (
        selection.has(FamilyGroup::Templates),
        selection.has(FamilyGroup::Insights),
    );
    if !states && !figures {
        return 0;
    }
    let mut refused = 0;
    for some in accounts {
        let shown = ShownTemplates::new(some, options);
        if states {
            template::write(page, &shown, options.template_state_sets);
            // Counted only here, so that two scrapes with different groups count a template once.
            refused += shown.refused;
        }
        if figures {
            insights::write_templates(page, &shown.with_insights);
        }
    }
    refused
}

fn account_rows(accounts: &Accounts) -> Rows<'_, Account> {
    let rows = accounts.iter();
    rows.map(|(id, account)| {
        let labels = EntityLabels::new(&[("waba_id", id.as_str())]);
        let labels = labels.created(account.counted_since());
        (labels, account.as_ref())
    })
    .collect()
}

/// Every metric about the state at Meta, and those about the exporter that are derived from it.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    let groups = FamilyGroup::ALL.into_iter();
    groups.flat_map(metrics_of)
}

/// The metrics of a group. `Exporter` also has those of the exporter's registry.
pub fn metrics_of(group: FamilyGroup) -> Vec<&'static Metric> {
    match group {
        FamilyGroup::Numbers => vec![number::ALL],
        FamilyGroup::Causes => vec![cause::ALL],
        FamilyGroup::Traffic => vec![traffic::ALL],
        FamilyGroup::Journeys => vec![journey::ALL],
        FamilyGroup::Campaigns => vec![campaign::ALL],
        FamilyGroup::Experiments => vec![experiment::ALL],
        FamilyGroup::Templates => vec![template::ALL, template_totals::ALL],
        FamilyGroup::Insights => vec![insights::ALL],
        FamilyGroup::Accounts => vec![account::ALL],
        FamilyGroup::Portfolios => vec![portfolio::ALL],
        FamilyGroup::Access => vec![access::ALL],
        FamilyGroup::Exporter => vec![exporter::ALL],
    }
    .concat()
}
