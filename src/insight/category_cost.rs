//! The cost of a category change: the additional cost of a template's messages as marketing messages.
//!
//! It is an estimate from the account's own figures of the last [`PERIOD`] days: the messages that the template
//! delivered, times the difference between the account's mean price per delivered message in both categories. Mean
//! prices include free messages. Each phone number counts by its share of the messages in the present category,
//! because numbers have customers in different countries.

use std::fmt;

use crate::domain::insights::PricingCategory;
use crate::domain::message::PricingType;
use crate::domain::template::Category;
use crate::domain::{TemplateId, Word};
use crate::state::{Account, NumberInsights, Template};

/// Number of days on which the estimate is based: a month.
pub const PERIOD: u32 = 30;

/// Length of a month in milliseconds, for changes that were made within the period.
const PERIOD_MILLIS: i64 = PERIOD as i64 * 86_400_000;

const MILLIONTHS: u128 = 1_000_000;

/// The estimated cost of a category change, with the figures on which it is based. Amounts are millionths of the
/// currency's unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryCost {
    /// The category before the change.
    pub from: Category,
    /// The category after it.
    pub to: Category,
    /// Difference of the cost in [`PERIOD`] days. Negative if the change makes the messages cheaper.
    pub monthly_difference: i64,
    /// Messages of the template that were delivered in the period.
    pub messages: u64,
    /// Mean price of a delivered message in the category before the change.
    pub price_before: u64,
    /// Mean price of a delivered message in the category after the change.
    pub price_after: u64,
    /// Number of phone numbers whose prices are used.
    pub numbers: usize,
    /// Currency of the account. `None` if unknown.
    pub currency: Option<String>,
}

/// Why the cost of a category change is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CategoryCostUnknown {
    /// No poll has read the figures of the template.
    NoTemplateFigures,
    /// The account delivered no message with a known price in this category.
    NoPrice(Category),
}

impl fmt::Display for CategoryCost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            monthly_difference,
            messages,
            price_before,
            price_after,
            numbers,
            currency,
        } = self;
        let currency = currency.as_deref().unwrap_or("(unknown currency)");
        let sign = if *monthly_difference < 0 { "-" } else { "+" };
        write!(
            out,
            "{sign}{} {currency} a month: {messages} messages in the last {PERIOD} days, mean price {} as {} and {} as {} ({numbers} phone {})",
            amount(monthly_difference.unsigned_abs(), 2),
            amount(*price_before, 4),
            from.as_str(),
            amount(*price_after, 4),
            to.as_str(),
            if *numbers == 1 { "number" } else { "numbers" },
        )
    }
}

impl fmt::Display for CategoryCostUnknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTemplateFigures => {
                out.write_str("no daily figures of the template (insights.enabled)")
            }
            Self::NoPrice(category) => write!(
                out,
                "no {} message with a known price in the last {PERIOD} days",
                category.as_str()
            ),
        }
    }
}

/// Millionths as a decimal number with this many digits after the point, rounded.
fn amount(millionths: u64, digits: u32) -> String {
    let unit = 10_u64.pow(6 - digits);
    let rounded = millionths.saturating_add(unit / 2) / unit;
    let scale = 10_u64.pow(digits);
    let width = digits as usize;
    format!("{}.{:0width$}", rounded / scale, rounded % scale)
}

/// The cost of the template's change to MARKETING that Meta has announced, or made within the period. `None` without
/// such a change.
#[must_use]
pub fn category_cost(
    account: &Account,
    template: &Template,
) -> Option<Result<CategoryCost, CategoryCostUnknown>> {
    let (from, to) = announced_change(template).or_else(|| made_change(account, template))?;
    Some(estimate(account, &template.id, from, to))
}

fn announced_change(template: &Template) -> Option<(Category, Category)> {
    let from = template.category.value()?;
    let scheduled = template.category_change_scheduled().map(|(to, _)| to);
    let to = scheduled.or_else(|| template.correct_category_if_other())?;
    is_dearer(from, to).then_some((from, to))
}

fn made_change(account: &Account, template: &Template) -> Option<(Category, Category)> {
    let to = template.category.value()?;
    let from = template
        .category
        .earlier(|earlier| is_dearer(earlier, to))?;
    let changed = template.category.changed()?.at();
    let insights = account.template_insights(&template.id)?;
    let since = insights.last_day.end.as_millis() - PERIOD_MILLIS;
    (changed.as_millis() >= since).then_some((from, to))
}

fn is_dearer(from: Category, to: Category) -> bool {
    (from, to) == (Category::Utility, Category::Marketing)
}

fn estimate(
    account: &Account,
    id: &TemplateId,
    from: Category,
    to: Category,
) -> Result<CategoryCost, CategoryCostUnknown> {
    let insights = account.template_insights(id);
    let insights = insights.ok_or(CategoryCostUnknown::NoTemplateFigures)?;
    let days = insights.last_days(PERIOD);
    let messages: u64 = days.filter_map(|day| day.figures.delivered).sum();
    let before = sums(account, from);
    let after = sums(account, to);
    let whole = |sums: &[Sum], category| {
        let total = sums
            .iter()
            .fold(Sum::default(), |one, other| one.plus(*other));
        total.price().ok_or(CategoryCostUnknown::NoPrice(category))
    };
    let price_before = whole(&before, from)?;
    let usual_after = whole(&after, to)?;
    // Weighted by the present category's messages of each number.
    let weighted: u128 = before
        .iter()
        .zip(&after)
        .map(|(before, after)| {
            u128::from(before.volume) * u128::from(after.price().unwrap_or(usual_after))
        })
        .sum();
    let weights: u128 = before.iter().map(|sum| u128::from(sum.volume)).sum();
    let price_after = u64::try_from(weighted / weights.max(1)).unwrap_or(u64::MAX);
    let difference = i128::from(price_after) - i128::from(price_before);
    let difference = difference.saturating_mul(i128::from(messages));
    Ok(CategoryCost {
        from,
        to,
        monthly_difference: i64::try_from(difference).unwrap_or(i64::MAX),
        messages,
        price_before,
        price_after,
        numbers: before.iter().filter(|sum| sum.volume > 0).count(),
        currency: account.currency.value().cloned(),
    })
}

/// Messages of one number in one category, and their price.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    volume: u64,
    cost: u64,
}

impl Sum {
    fn plus(self, other: Self) -> Self {
        Self {
            volume: self.volume.saturating_add(other.volume),
            cost: self.cost.saturating_add(other.cost),
        }
    }

    /// Mean price of a message, rounded. `None` without messages.
    fn price(self) -> Option<u64> {
        let (cost, volume) = (u128::from(self.cost), u128::from(self.volume));
        (volume > 0).then(|| u64::try_from((cost + volume / 2) / volume).unwrap_or(u64::MAX))
    }
}

/// The sums of each number, in the same order for every category.
fn sums(account: &Account, category: Category) -> Vec<Sum> {
    let category = match category {
        Category::Marketing => PricingCategory::Marketing,
        Category::Utility => PricingCategory::Utility,
        Category::Authentication => PricingCategory::Authentication,
        Category::Other => PricingCategory::Other,
    };
    let numbers = account.numbers();
    let insights = numbers.filter_map(|number| account.number_insights(&number.id));
    insights.map(|insights| sum(insights, category)).collect()
}

/// Messages that are charged without a known cost do not count: a partner pays for them.
fn sum(insights: &NumberInsights, category: PricingCategory) -> Sum {
    let days = insights.last_days(PERIOD);
    let days = days.filter(|day| day.category == category);
    let priced = days.filter_map(|day| {
        let is_free = day.pricing_type != PricingType::Regular;
        let cost = day.cost.or(is_free.then_some(0))?;
        Some(Sum {
            volume: day.volume,
            cost,
        })
    });
    priced.fold(Sum::default(), Sum::plus)
}

/// An amount of money as a number of units, for metrics.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "amounts of a month have far fewer digits than an f64 can represent"
)]
pub fn units(millionths: i64) -> f64 {
    millionths as f64 / MILLIONTHS as f64
}

#[cfg(test)]
mod tests;
