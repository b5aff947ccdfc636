//! Renders the daily figures of templates and phone numbers.

use std::collections::BTreeMap;

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use crate::domain::insights::{PricingCategory, Stage};
use crate::domain::message::PricingType;
use crate::domain::{WabaId, Word};
use crate::insight::category_cost::{category_cost, units};
use crate::insight::rates::Rate;
use crate::state::{Account, Accounts, NumberInsights, Template, TemplateInsights};

metrics! {
    ENABLED: Gauge "whatsapp_business_account_insights_enabled" ["waba_id"]
        "Whether Meta provides daily figures of the account's templates: 1 if it does, 0 if they are not enabled or not available. Absent until known.";
    MESSAGES: Gauge "whatsapp_message_template_daily_messages" ["waba_id", "template_id", "stage"]
        "Number of the template's messages sent on the last complete day, by stage: sent, and how many of these were delivered, read, clicked and replied to so far. Absent for templates that sent nothing in 90 days, and for stages that Meta does not report.";
    START: Gauge "whatsapp_message_template_daily_start_timestamp_seconds" ["waba_id", "template_id"]
        "Start time of the day that the template's daily figures cover. Absent without daily figures.";
    COST: Gauge "whatsapp_message_template_daily_cost" ["waba_id", "template_id", "currency"]
        "Approximate amount spent on the template's messages of the last complete day, in units of the account's currency. Absent if Meta does not report it.";
    MEDIAN: Gauge "whatsapp_message_template_median_rate" ["waba_id", "template_id", "rate"]
        "Median of the template's daily rates over the 28 days before the last complete day: read, clicked or replied to, divided by delivered. Absent with fewer than 7 days on which messages were delivered.";
    CATEGORY_CHANGE_COST: Gauge "whatsapp_message_template_category_change_monthly_cost" ["waba_id", "template_id", "currency"]
        "Estimated additional cost per 30 days of the template's change to MARKETING, in units of the account's currency, from the template's delivered messages and the account's mean prices. Absent without an announced or recent change, and if messages or prices are unknown.";
    VOLUME: Gauge "whatsapp_phone_number_daily_volume" ["waba_id", "phone_number_id", "category", "pricing_type"]
        "Number of messages delivered on the last complete day (UTC), by pricing category and type. Absent for a category and type without messages in 90 days.";
    NUMBER_COST: Gauge "whatsapp_phone_number_daily_cost" ["waba_id", "phone_number_id", "category", "pricing_type", "currency"]
        "Approximate price of the messages delivered on the last complete day (UTC), in units of the account's currency. Absent if Meta does not report it, for example if a partner pays.";
    NUMBER_START: Gauge "whatsapp_phone_number_daily_start_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Start time of the day that the phone number's daily figures cover. Absent without daily figures.";
}

/// Maximum number of series of one template: five stages, three medians, and one for each other metric.
pub(super) const SERIES_PER_TEMPLATE: usize = 11;

/// A template whose figures are written.
pub(super) struct ShownTemplate<'a> {
    pub entity: EntityLabels,
    pub account: &'a Account,
    pub template: &'a Template,
}

impl ShownTemplate<'_> {
    fn insights(&self) -> Option<&TemplateInsights> {
        let insights = self.account.template_insights(&self.template.id)?;
        (!insights.days().is_empty()).then_some(insights)
    }
}

/// Writes whether Meta gives figures of each account's templates.
pub(super) fn write_accounts(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.value(page, &ENABLED, |account| {
        is_enabled(account).map(SampleValue::Flag)
    });
}

/// A refusal is newer than the account's field, or contradicts it.
fn is_enabled(account: &Account) -> Option<bool> {
    if account.insights().refusal().is_some() {
        return Some(false);
    }
    account.insights_enabled.value().copied()
}

/// Writes the figures of these templates.
pub(super) fn write_templates(page: &mut Page, templates: &[ShownTemplate<'_>]) {
    let with_figures = || {
        let shown = templates.iter();
        shown.filter_map(|one| Some((one, one.insights()?)))
    };
    let mut family = page.family(&MESSAGES);
    for (one, insights) in with_figures() {
        let figures = insights.last_figures();
        for stage in Stage::REPORTED {
            if let Some(count) = figures.stage(stage) {
                let value = SampleValue::Whole(count);
                family.sample(&one.entity, &[stage.as_str()], value);
            }
        }
    }
    let mut family = page.family(&START);
    for (one, insights) in with_figures() {
        let start = SampleValue::Time(insights.last_day.start);
        family.sample(&one.entity, &[], start);
    }
    let mut family = page.family(&COST);
    for (one, insights) in with_figures() {
        if let Some(spent) = insights.last_figures().spent {
            family.sample(&one.entity, &[currency(one.account)], money(spent));
        }
    }
    let mut family = page.family(&MEDIAN);
    for (one, insights) in with_figures() {
        for rate in Rate::ALL {
            if let Some(median) = rate.median(insights) {
                let value = SampleValue::Float(median);
                family.sample(&one.entity, &[rate.as_str()], value);
            }
        }
    }
    let mut family = page.family(&CATEGORY_CHANGE_COST);
    for one in templates {
        if let Some(Ok(cost)) = category_cost(one.account, one.template) {
            let value = SampleValue::Float(units(cost.monthly_difference));
            family.sample(&one.entity, &[currency(one.account)], value);
        }
    }
}

/// Writes the figures of all phone numbers.
pub(super) fn write_numbers(page: &mut Page, accounts: &Accounts) {
    let rows = || {
        accounts
            .iter()
            .flat_map(|(id, account)| rows_of(id, account))
    };
    let mut family = page.family(&VOLUME);
    for (entity, _, insights) in rows() {
        for ((category, pricing_type), (volume, _)) in last_day(insights) {
            let words = [category.as_str(), pricing_type.as_str()];
            family.sample(&entity, &words, SampleValue::Whole(volume));
        }
    }
    let mut family = page.family(&NUMBER_COST);
    for (entity, account, insights) in rows() {
        for ((category, pricing_type), (_, cost)) in last_day(insights) {
            if let Some(cost) = cost {
                let words = [category.as_str(), pricing_type.as_str(), currency(account)];
                family.sample(&entity, &words, money(cost));
            }
        }
    }
    let mut family = page.family(&NUMBER_START);
    for (entity, _, insights) in rows() {
        family.sample(&entity, &[], SampleValue::Time(insights.last_day.start));
    }
}

fn rows_of<'a>(
    waba_id: &'a WabaId,
    account: &'a Account,
) -> impl Iterator<Item = (EntityLabels, &'a Account, &'a NumberInsights)> {
    let insights = account
        .numbers()
        .filter_map(|number| account.number_insights(&number.id));
    let insights = insights.filter(|insights| !insights.days().is_empty());
    insights.map(move |insights| {
        let labels = [
            ("waba_id", waba_id.as_str()),
            ("phone_number_id", insights.id.as_str()),
        ];
        (EntityLabels::new(&labels), account, insights)
    })
}

type LastDay = BTreeMap<(PricingCategory, PricingType), (u64, Option<u64>)>;

/// Volume and cost of the last complete day, by category and type. Categories and types with messages only on earlier
/// days are 0, because Meta omits zeros.
fn last_day(insights: &NumberInsights) -> LastDay {
    let mut found = LastDay::new();
    for day in insights.days() {
        let key = (day.category, day.pricing_type);
        let nothing = (0, day.cost.map(|_| 0));
        let known = found.entry(key).or_insert(nothing);
        known.1 = known.1.or(nothing.1);
        if day.start == insights.last_day.start {
            *known = (day.volume, day.cost);
        }
    }
    found
}

fn currency(account: &Account) -> &str {
    account.currency.value().map_or("", String::as_str)
}

/// An amount of money as a sample.
pub(super) fn money(millionths: u64) -> SampleValue {
    SampleValue::Float(units(i64::try_from(millionths).unwrap_or(i64::MAX)))
}
