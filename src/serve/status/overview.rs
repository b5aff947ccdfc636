//! All accounts: the issues of each, and the order in which accounts are shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use super::digest::{AccountDigest, Digests};
use super::issue::{self, Issue};
use super::level::Level;
use super::{concern, issues};
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

/// The subject of an item.
enum Subject<'a> {
    Exporter(OverviewItem),
    Account(&'a WabaId),
    Number(&'a WabaId, &'a PhoneNumberId),
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
    pub fn new(facts: &Facts, digests: &Digests) -> Self {
        let digests = digests.of_accounts(&facts.accounts, facts.callback.as_ref(), facts.now);
        let shared = SharedNumbers::among(&facts.accounts, &facts.numbers_of_several);
        let mut overview = Self {
            summary: summary(facts, &shared),
            attention: Attention::default(),
            order: Vec::with_capacity(facts.accounts.len()),
        };
        let exporter = exporter_items(facts).into_iter();
        let mut urgent: Vec<(Level, Subject)> = exporter
            .map(|item| (item.level, Subject::Exporter(item)))
            .collect();
        let mut order = Vec::with_capacity(facts.accounts.len());
        for waba_id in facts.accounts.keys() {
            let Some(digest) = digests.get(waba_id) else {
                continue;
            };
            overview.summary.add(digest);
            let mut worst = digest.level.min(polls_level(waba_id, facts));
            if worst <= Level::Warning {
                urgent.push((worst, Subject::Account(waba_id)));
            }
            for (id, level) in &digest.urgent_numbers {
                worst = worst.min(*level);
                // The number is one item, although each of its accounts is as bad as it.
                if !shared.is_listed_again(waba_id, id) {
                    urgent.push((*level, Subject::Number(waba_id, id)));
                }
            }
            let worst = if worst <= Level::Warning {
                worst
            } else {
                Level::Fine
            };
            order.push((worst, waba_id.clone()));
        }
        order.sort();
        overview.order = order.into_iter().map(|(_, waba_id)| waba_id).collect();
        overview.attention = Attention::new(urgent, facts);
        overview
    }
}

impl WatchedCounts {
    fn add(&mut self, digest: &AccountDigest) {
        self.templates += digest.templates;
        self.template_problems += digest.template_problems;
        self.templates_past += digest.templates_past;
    }
}

impl Attention {
    /// Only the listed items get their texts, because a fleet may have thousands.
    fn new(mut urgent: Vec<(Level, Subject<'_>)>, facts: &Facts) -> Self {
        let count = |level| urgent.iter().filter(|(other, _)| *other == level).count();
        let (critical, warning) = (count(Level::Critical), count(Level::Warning));
        urgent.sort_by_key(|(level, _)| *level);
        let worst = urgent.into_iter().take(MAX_ITEMS);
        Self {
            critical,
            warning,
            items: worst
                .filter_map(|(_, subject)| subject.into_item(facts))
                .collect(),
        }
    }

    /// The highest severity of all.
    pub(super) fn level(&self) -> Level {
        match (self.critical, self.warning) {
            (0, 0) => Level::Fine,
            (0, _) => Level::Warning,
            _ => Level::Critical,
        }
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

/// Severity of the polls of an account.
fn polls_level(waba_id: &WabaId, facts: &Facts) -> Level {
    issue::worst(&issues::for_polls(waba_id, &facts.figures, facts.now))
}

impl Subject<'_> {
    /// `None` if it has needed no attention since its digest was made.
    fn into_item(self, facts: &Facts) -> Option<OverviewItem> {
        match self {
            Self::Exporter(item) => Some(item),
            Self::Account(waba_id) => account_item(waba_id, facts),
            Self::Number(waba_id, id) => number_item(waba_id, id, facts),
        }
    }
}

fn account_item(waba_id: &WabaId, facts: &Facts) -> Option<OverviewItem> {
    let account = facts.accounts.get(waba_id)?;
    let polls = issues::for_polls(waba_id, &facts.figures, facts.now);
    let concerns = concern::counts(account, facts.now);
    let issues = issues::for_account(account, &concerns, polls, facts.now);
    let name = account.name.value();
    let name = name.map_or(waba_id.as_str(), String::as_str);
    let item = OverviewItem::new(format!("Account {name}"), &issues)?;
    Some(OverviewItem {
        waba_id: Some(waba_id.to_string()),
        ..item
    })
}

fn number_item(waba_id: &WabaId, id: &PhoneNumberId, facts: &Facts) -> Option<OverviewItem> {
    let account: &Account = facts.accounts.get(waba_id)?;
    let number = account.number(id)?;
    let issues = issues::for_number(number, account, facts.callback.as_ref(), facts.now);
    let item = OverviewItem::new(called(number), &issues)?;
    Some(OverviewItem {
        waba_id: Some(waba_id.to_string()),
        phone_number_id: Some(id.to_string()),
        ..item
    })
}

fn called(number: &Number) -> String {
    let digits = number.display_phone_number.value();
    let digits = digits.map_or(number.id.as_str(), String::as_str);
    match number.verified_name.value() {
        Some(name) => format!("{digits} {name}"),
        None => digits.to_owned(),
    }
}

/// The counts of accounts and phone numbers.
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
    }
    summary
}
