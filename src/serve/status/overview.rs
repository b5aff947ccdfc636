//! All accounts: the issues of each, and the order in which accounts are shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use super::concern::Concern;
use super::issue::{self, Issue};
use super::issues;
use super::level::Level;
use crate::domain::{PhoneNumberId, QualityRating, WabaId, Word};
use crate::state::{Account, Number, SharedNumbers};

/// Maximum number of listed items; further ones are counted.
const MAX_ITEMS: usize = 25;

/// Numbers of watched apps, accounts, numbers and templates.
#[derive(Debug, Default, Serialize)]
pub struct WatchedCounts {
    pub accounts: usize,
    pub phone_numbers: usize,
    pub phone_numbers_by_rating: BTreeMap<&'static str, usize>,
    pub templates: usize,
    pub template_problems: usize,
    /// Templates that were rejected or disabled earlier, deleted or archived.
    pub templates_past: usize,
    pub failing_polls: usize,
}

/// Items that need attention.
#[derive(Debug, Default, Serialize)]
pub struct Attention {
    /// Number of accounts, numbers and parts of the exporter with critical issues.
    pub critical: usize,
    pub warning: usize,
    /// The worst of them, with their issues.
    pub items: Vec<OverviewItem>,
}

/// An account, a number or a part of the exporter, with its issues.
#[derive(Debug, Serialize)]
pub struct OverviewItem {
    pub level: Level,
    /// Its name.
    pub subject: String,
    pub waba_id: Option<String>,
    pub phone_number_id: Option<String>,
    #[serde(rename = "troubles")]
    pub issues: Vec<String>,
}

/// The issues of all accounts and of the exporter.
#[derive(Debug)]
pub(super) struct Overview {
    pub summary: WatchedCounts,
    pub attention: Attention,
    /// All accounts, worst first.
    pub order: Vec<WabaId>,
}

impl Overview {
    pub fn new(facts: &Facts) -> Self {
        let mut items = exporter_items(facts);
        let shared = SharedNumbers::new(&facts.accounts);
        let mut order = Vec::with_capacity(facts.accounts.len());
        for (waba_id, account) in &facts.accounts {
            let found = account_items(waba_id, account, facts);
            let level = found.iter().map(|item| item.level).min();
            order.push((level.unwrap_or(Level::Fine), waba_id.clone()));
            // The number is one item, although each of its accounts is as bad as it.
            items.extend(found.into_iter().filter(|item| {
                let id = item
                    .phone_number_id
                    .as_deref()
                    .and_then(PhoneNumberId::parse);
                !id.is_some_and(|id| shared.is_listed_again(waba_id, &id))
            }));
        }
        order.sort();
        Self {
            summary: summary(facts, &shared),
            attention: Attention::new(items),
            order: order.into_iter().map(|(_, waba_id)| waba_id).collect(),
        }
    }
}

impl Attention {
    fn new(mut items: Vec<OverviewItem>) -> Self {
        let count = |level| items.iter().filter(|item| item.level == level).count();
        let (critical, warning) = (count(Level::Critical), count(Level::Warning));
        items.sort_by_key(|item| item.level);
        items.truncate(MAX_ITEMS);
        Self {
            critical,
            warning,
            items,
        }
    }

    /// The highest severity of all.
    pub(super) fn level(&self) -> Level {
        let worst = self.items.first();
        worst.map_or(Level::Fine, |item| item.level)
    }
}

impl OverviewItem {
    /// `None` if none of the issues needs attention.
    fn new(subject: impl Into<String>, issues: &[Issue]) -> Option<Self> {
        let urgent = issues.iter().filter(|issue| issue.level <= Level::Warning);
        let texts: Vec<String> = urgent.map(|issue| issue.text.clone()).collect();
        (!texts.is_empty()).then(|| Self {
            level: issue::worst(issues),
            subject: subject.into(),
            waba_id: None,
            phone_number_id: None,
            issues: texts,
        })
    }
}

/// Issues of the exporter itself.
fn exporter_items(facts: &Facts) -> Vec<OverviewItem> {
    let store = facts.store.as_ref().err().map(|error| {
        let text = format!("{error}; webhooks are refused, and Meta retries them");
        vec![Issue::critical(text)]
    });
    let reload = (!facts.figures.is_reloaded).then(|| {
        let text =
            "the last reload failed, and the previous configuration stays active; see the log";
        vec![Issue::warning(text)]
    });
    let failing = &facts.figures.failing_discoveries;
    let fleet = issues::for_fleet(&facts.accounts, &facts.watched, failing);
    let fleet = OverviewItem::new("Accounts", &fleet);
    let store = store.and_then(|issues| OverviewItem::new("Store", &issues));
    let reload = reload.and_then(|issues| OverviewItem::new("Configuration", &issues));
    let apps = facts.access.iter().filter_map(|(name, access)| {
        OverviewItem::new(format!("App {name}"), &issues::for_app(access, facts.now))
    });
    let own = [fleet, store, reload].into_iter().flatten();
    own.chain(apps).collect()
}

fn account_items(waba_id: &WabaId, account: &Account, facts: &Facts) -> Vec<OverviewItem> {
    let own = issues::for_account(waba_id, account, &facts.figures, facts.now);
    let name = account
        .name
        .value()
        .map_or(waba_id.as_str(), String::as_str);
    let numbers = account.numbers().filter_map(|number| {
        let issues = issues::for_number(number, account, facts.callback.as_ref(), facts.now);
        let item = OverviewItem::new(called(number), &issues)?;
        let phone_number_id = Some(number.id.to_string());
        Some(OverviewItem {
            phone_number_id,
            ..item
        })
    });
    let own = OverviewItem::new(format!("Account {name}"), &own);
    let account_items = |item| OverviewItem {
        waba_id: Some(waba_id.to_string()),
        ..item
    };
    own.into_iter().chain(numbers).map(account_items).collect()
}

fn called(number: &Number) -> String {
    let digits = number.display_phone_number.value();
    let digits = digits.map_or(number.id.as_str(), String::as_str);
    match number.verified_name.value() {
        Some(name) => format!("{digits} {name}"),
        None => digits.to_owned(),
    }
}

fn summary(facts: &Facts, shared: &SharedNumbers<'_>) -> WatchedCounts {
    let mut summary = WatchedCounts {
        accounts: facts.accounts.len(),
        failing_polls: facts.figures.failing.len(),
        ..WatchedCounts::default()
    };
    for (waba_id, account) in &facts.accounts {
        let numbers = account.numbers();
        for number in numbers.filter(|one| !shared.is_listed_again(waba_id, &one.id)) {
            summary.phone_numbers += 1;
            let rating = number.quality_rating.value();
            let rating = rating.unwrap_or(QualityRating::Unknown).as_str();
            *summary.phone_numbers_by_rating.entry(rating).or_default() += 1;
        }
        for template in account.templates() {
            summary.templates += 1;
            match Concern::from_template(template, facts.now) {
                None => {}
                Some(Concern::Past) => summary.templates_past += 1,
                Some(_) => summary.template_problems += 1,
            }
        }
    }
    summary
}
