//! Parses the points of `template_analytics` and `pricing_analytics`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Number, Value};

use crate::domain::insights::{Day, NumberDay, TemplateDay, TemplateFigures};
use crate::domain::{DisplayDigits, TemplateId};
use crate::ingest::{MetaObject, ParseWarnings};

const TEMPLATE: &str = "template_analytics";
const NUMBER: &str = "pricing_analytics";

/// Millionths in a unit of a currency.
const MILLIONTHS: f64 = 1_000_000.0;

/// Maximum amount, in units of the currency. A larger one is no price of messages, and would not fit an integer.
const MAX_AMOUNT: f64 = 1_000_000_000_000.0;

/// Lengths of a day: clocks go forward or back by an hour, and by more in few places.
const LENGTHS: RangeInclusive<Duration> =
    Duration::from_secs(22 * 3_600)..=Duration::from_secs(26 * 3_600);

/// A day of a template's messages through one product, such as `cloud_api`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProductDay {
    /// The template.
    pub template_id: TemplateId,
    /// The day.
    pub day: Day,
    /// The product, in lower case; empty if Meta does not name it.
    pub product: String,
}

/// The points on a page of `template_analytics`.
pub fn template_days(
    page: &Value,
    timezone_id: Option<&str>,
    warnings: &mut ParseWarnings,
) -> Vec<(ProductDay, TemplateFigures)> {
    let Some(page) = MetaObject::new(TEMPLATE, page) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for group in page.objects("data", TEMPLATE, warnings) {
        let product = group.text("product_type", warnings).unwrap_or_default();
        let product = product.to_ascii_lowercase();
        for point in group.objects("data_points", TEMPLATE, warnings) {
            let id = point.parsed("template_id", TemplateId::parse, warnings);
            let day = day_of(&point, timezone_id, warnings);
            if let (Some(template_id), Some(day)) = (id, day) {
                let product = product.clone();
                let place = ProductDay {
                    template_id,
                    day,
                    product,
                };
                found.push((place, figures(&point, warnings)));
            }
        }
    }
    found
}

/// Adds up the products of each day.
pub fn sum_products(
    days: impl IntoIterator<Item = (ProductDay, TemplateFigures)>,
) -> Vec<TemplateDay> {
    let mut sums: BTreeMap<(TemplateId, Day), TemplateFigures> = BTreeMap::new();
    for (place, figures) in days {
        let sum = sums.entry((place.template_id, place.day)).or_default();
        *sum = sum.merged(figures, u64::saturating_add);
    }
    let days = sums.into_iter();
    let days = days.map(|((template_id, day), figures)| TemplateDay {
        template_id,
        day,
        figures,
    });
    days.collect()
}

/// The points of `pricing_analytics` in an account's node.
pub fn number_days(node: &Value, warnings: &mut ParseWarnings) -> Vec<NumberDay> {
    let node = MetaObject::new(NUMBER, node);
    let field = node.and_then(|node| node.object(NUMBER, NUMBER, warnings));
    let Some(field) = field else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for group in field.objects("data", NUMBER, warnings) {
        for point in group.objects("data_points", NUMBER, warnings) {
            let digits = point.parsed("phone_number", DisplayDigits::parse, warnings);
            let day = day_of(&point, None, warnings);
            let category = point.word("pricing_category", warnings);
            let pricing_type = point.word("pricing_type", warnings);
            let volume = point.count("volume", warnings);
            let cost = point.get("cost").and_then(millionths);
            let (Some(digits), Some(day), Some(category), Some(pricing_type)) =
                (digits, day, category, pricing_type)
            else {
                continue;
            };
            found.push(NumberDay {
                digits,
                day,
                category,
                pricing_type,
                volume: volume.unwrap_or_default(),
                cost,
            });
        }
    }
    found
}

/// The day of a point: its two times, or its two dates in the account's time zone.
fn day_of(
    point: &MetaObject<'_>,
    timezone_id: Option<&str>,
    warnings: &mut ParseWarnings,
) -> Option<Day> {
    let start = point.get("start")?;
    if let Some(day) = start
        .as_str()
        .and_then(|text| Day::parse(text, timezone_id))
    {
        return Some(day);
    }
    let start = point.time("start", warnings)?;
    if !point.has("end") {
        let day = Day::at(start, timezone_id);
        return (start == day.start).then_some(day);
    }
    let end = point.time("end", warnings)?;
    let day = Day { start, end };
    // The figures of another period are not those of a day.
    let is_day = LENGTHS.contains(&end.since(start)) && end > start;
    let checked = |_: &str| is_day.then_some(day);
    point.parsed("end", checked, warnings)
}

fn figures(point: &MetaObject<'_>, warnings: &mut ParseWarnings) -> TemplateFigures {
    TemplateFigures {
        sent: point.count("sent", warnings),
        delivered: point.count("delivered", warnings),
        read: point.count("read", warnings),
        clicked: clicks(point, warnings),
        replied: point.count("replied", warnings),
        spent: spent(point, warnings),
    }
}

/// The clicks of all buttons. `None` without a list: the template has no buttons.
fn clicks(point: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<u64> {
    let value = point.get("clicked")?;
    if !value.is_array() && !value.is_object() {
        return point.count("clicked", warnings);
    }
    let buttons = point.objects("clicked", TEMPLATE, warnings);
    let counts = buttons.iter().map(|button| button.count("count", warnings));
    Some(
        counts
            .map(Option::unwrap_or_default)
            .fold(0, u64::saturating_add),
    )
}

/// The amount spent. Meta omits `value` if there is none.
fn spent(point: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<u64> {
    let costs = point.objects("cost", TEMPLATE, warnings);
    let spent = costs.iter().find(|cost| {
        let kind = cost.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("amount_spent"))
    });
    spent?.get("value").and_then(millionths)
}

/// An amount of money in millionths of its unit.
fn millionths(value: &Value) -> Option<u64> {
    let amount = match value {
        Value::Number(number) => Number::as_f64(number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let amount = amount.filter(|amount| (0.0..=MAX_AMOUNT).contains(amount))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range has been checked"
    )]
    Some((amount * MILLIONTHS).round() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::insights::PricingCategory;
    use crate::domain::message::PricingType;

    const START: i64 = 1_775_001_600;

    fn read(page: &Value) -> Vec<TemplateDay> {
        let mut warnings = ParseWarnings::new();
        let days = sum_products(template_days(page, None, &mut warnings));
        assert_eq!(warnings, []);
        days
    }

    #[test]
    fn a_point_of_a_template_is_read_with_its_gaps() {
        let page = json!({"data": [{"granularity": "DAILY", "product_type": "cloud_api", "data_points": [
            {"template_id": "7001002003004005", "start": START, "end": START + 86_400, "sent": 1460, "delivered": 1440,
             "read": 1010, "clicked": [{"type": "quick_reply_button", "button_content": "Yes", "count": 108},
                {"type": "unique_url_button", "count": 16}, {"type": "url_button"}],
             "cost": [{"type": "amount_spent", "value": 0.03}, {"type": "cost_per_delivered", "value": 0.01},
                {"type": "cost_per_url_button_click"}]},
            {"template_id": 7001002003004006_u64, "start": START.to_string(), "sent": "3", "cost": [{"type": "amount_spent"}]}]}]});
        let days = read(&page);
        assert_eq!(days.len(), 2);
        assert_eq!(
            days[0].figures,
            TemplateFigures {
                sent: Some(1460),
                delivered: Some(1440),
                read: Some(1010),
                clicked: Some(124),
                replied: None,
                spent: Some(30_000)
            }
        );
        assert_eq!(days[1].day.end, Timestamp::from_seconds(START + 86_400));
        assert_eq!(
            (days[1].figures.sent, days[1].figures.spent),
            (Some(3), None)
        );
    }

    #[test]
    fn products_add_up_and_a_group_without_points_is_empty() {
        let point = |count: u64| json!([{"template_id": "7", "start": START, "end": START + 86_400, "sent": count}]);
        let page = json!({"data": [{"product_type": "cloud_api", "data_points": point(3)},
            {"product_type": "MARKETING_MESSAGES_LITE_API", "data_points": point(4)}, {"granularity": "DAILY"}]});
        let days = read(&page);
        assert_eq!((days.len(), days[0].figures.sent), (1, Some(7)));
        for empty in [
            json!({}),
            json!({"data": []}),
            json!({"data": {"granularity": "DAILY"}}),
        ] {
            assert_eq!(read(&empty), []);
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_accounts_time_zone() {
        // 47 is Europe/Berlin, two hours ahead of UTC in summer.
        let page = json!({"data": [{"data_points": [{"template_id": "7", "start": "2026-04-01", "end": "2026-04-02"}]}]});
        let mut warnings = ParseWarnings::new();
        let days = template_days(&page, Some("47"), &mut warnings);
        assert_eq!(days[0].0.day.start, Timestamp::from_seconds(START - 7_200));
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_point_of_a_number_is_read_and_a_hidden_cost_is_none() {
        let node = json!({"pricing_analytics": {"data": [{"data_points": [
            {"start": START, "end": START + 86_400, "phone_number": "15550100199", "pricing_type": "REGULAR",
             "pricing_category": "SERVICE", "volume": 2350, "cost": 3.29},
            {"start": START, "end": START + 86_400, "phone_number": "15550100199", "pricing_type": "FREE_ENTRY_POINT",
             "pricing_category": "AI_BOT", "volume": 2}]}]}, "id": "800100"});
        let mut warnings = ParseWarnings::new();
        let days = number_days(&node, &mut warnings);
        assert_eq!(warnings, []);
        assert_eq!(
            (
                days[0].category,
                days[0].pricing_type,
                days[0].volume,
                days[0].cost
            ),
            (
                PricingCategory::Service,
                PricingType::Regular,
                2350,
                Some(3_290_000)
            )
        );
        assert_eq!(
            (days[1].category, days[1].cost),
            (PricingCategory::AiBot, None)
        );
        for empty in [
            json!({"id": "8"}),
            json!({"pricing_analytics": {"granularity": "DAILY"}}),
            json!([]),
        ] {
            assert_eq!(number_days(&empty, &mut warnings), []);
        }
        assert_eq!(warnings, []);
    }

    #[test]
    fn amounts_are_exact_integers() {
        for (amount, expected) in [
            (json!(0.1), Some(100_000)),
            (json!("3.29"), Some(3_290_000)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("NaN"), None),
            (json!([1]), None),
        ] {
            assert_eq!(millionths(&amount), expected, "{amount}");
        }
    }
}
