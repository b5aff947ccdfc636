//! `template_analytics` and `pricing_analytics`, from the messages that the simulated businesses sent.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::GraphError;
use super::fields::{self, Field};
use super::paging::{self, PageRange};
use crate::simulator::clock::DAY_SECONDS;
use crate::simulator::world::{Account, InsightsAccess, TemplateCounts, World};

/// Maximum number of templates in a request.
const MAX_TEMPLATES: usize = 10;
/// How far back template analytics reach.
const TEMPLATE_DAYS: i64 = 90;
/// Figures that `metric_types` may name.
const METRIC_TYPES: [&str; 6] = ["SENT", "DELIVERED", "READ", "CLICKED", "REPLIED", "COST"];
/// The zones of those `timezone_id`s that simulated accounts have; all others are UTC.
const ZONES: [(&str, &str); 3] = [
    ("1", "America/Los_Angeles"),
    ("47", "Europe/Berlin"),
    ("138", "Asia/Ho_Chi_Minh"),
];
const MILLIONTHS: f64 = 1_000_000.0;

/// The response to a call for analytics. `None` for every other call.
pub fn answer(world: &World, call: &Call, now: i64) -> Option<Result<Value, GraphError>> {
    let account = world.accounts.get(call.segments.first()?)?;
    if !account.is_visible {
        return None;
    }
    match call.segments.get(1).map(String::as_str) {
        Some("template_analytics") => Some(template_analytics(world, account, call, now)),
        Some(_) => None,
        None => {
            let fields = fields::parse(call.parameter("fields")?)?;
            let [field] = fields.as_slice() else {
                return None;
            };
            let is_meant = field.name == "pricing_analytics";
            is_meant.then(|| pricing_analytics(world, account, field))
        }
    }
}

fn invalid(message: &str) -> GraphError {
    GraphError::bad_request(100, format!("(#100) {message}"))
}

fn template_analytics(
    world: &World,
    account: &Account,
    call: &Call,
    now: i64,
) -> Result<Value, GraphError> {
    match account.insights {
        InsightsAccess::Enabled => {}
        InsightsAccess::Disabled => {
            let message = "(#200007) Template Insights is not enabled for this account";
            return Err(GraphError::bad_request(200_007, message));
        }
        InsightsAccess::Unavailable => {
            let message = "(#200005) Template Insights is not available";
            return Err(GraphError::bad_request(200_005, message));
        }
    }
    let granularity = call.parameter("granularity").unwrap_or_default();
    if !granularity.eq_ignore_ascii_case("DAILY") {
        return Err(invalid("Param granularity must be one of {DAILY}"));
    }
    let metrics = metric_types(call)?;
    let ids = template_ids(world, account, call)?;
    let zone = account_zone(account, call);
    let days = days(call, zone.as_ref(), now)?;
    let mut points = Vec::new();
    for id in &ids {
        let points_of = days
            .iter()
            .filter_map(|day| point(world, id, *day, now, &metrics));
        points.extend(points_of);
    }
    let page = PageRange::read(
        call.parameter("limit"),
        call.parameter("after"),
        call.parameter("before"),
        points.len(),
    )?;
    Ok(page_of(account, call, &points, &page))
}

/// A page. Past the last point it has no `data_points`, and only `previous`.
fn page_of(account: &Account, call: &Call, points: &[Value], page: &PageRange) -> Value {
    let (start, end) = (page.items.start, page.items.end);
    let mut group = json!({"granularity": "DAILY", "product_type": "cloud_api"});
    if start < end {
        group["data_points"] = points[start..end].into();
    }
    let (before, after) = (paging::cursor(start), paging::cursor(end.saturating_sub(1)));
    let mut paging = json!({"cursors": {"before": before, "after": after}});
    let url = |direction, cursor: &str| {
        let parameters = call.parameters.iter();
        let kept = parameters.filter(|(name, _)| name != "after" && name != "before");
        let mut kept: Vec<(&str, String)> = kept
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        kept.push((direction, cursor.to_owned()));
        let base = format!("{}/{}/template_analytics", paging::META_ORIGIN, account.id);
        paging::url(&base, &kept)
    };
    if end < points.len() {
        paging["next"] = url("after", &after).into();
    }
    if start > 0 {
        paging["previous"] = url("before", &before).into();
    }
    json!({"data": [group], "paging": paging})
}

fn metric_types(call: &Call) -> Result<Vec<&'static str>, GraphError> {
    let Some(asked) = call.parameter("metric_types") else {
        return Ok(METRIC_TYPES.to_vec());
    };
    list(asked)
        .map(|word| {
            let known = METRIC_TYPES
                .iter()
                .find(|known| known.eq_ignore_ascii_case(word));
            let known = known.copied();
            known.ok_or_else(|| invalid("Param metric_types must be an array of known metrics"))
        })
        .collect()
}

fn template_ids(world: &World, account: &Account, call: &Call) -> Result<Vec<String>, GraphError> {
    let asked = call.parameter("template_ids").unwrap_or_default();
    let ids: Vec<String> = list(asked).map(str::to_owned).collect();
    if ids.is_empty() || ids.len() > MAX_TEMPLATES {
        return Err(invalid("Param template_ids must have 1 to 10 elements"));
    }
    let is_own = |id: &String| {
        let template = world.find_template(id);
        template.is_some_and(|template| template.waba_id == account.id)
    };
    if !ids.iter().all(is_own) {
        return Err(invalid("Param template_ids has an id of another account"));
    }
    Ok(ids)
}

/// The elements of `["A","B"]`, `[1,2]` or `A,B`.
fn list(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.trim().trim_start_matches('[').trim_end_matches(']');
    let elements = inside
        .split(',')
        .map(|element| element.trim().trim_matches('"'));
    elements.filter(|element| !element.is_empty())
}

/// The zone of the account's days. `None` for UTC.
fn account_zone(account: &Account, call: &Call) -> Option<TimeZone> {
    call.parameter("use_waba_timezone")
        .filter(|flag| *flag == "true")?;
    let name = ZONES.iter().find(|(id, _)| *id == account.timezone_id)?;
    TimeZone::get(name.1).ok()
}

/// Start and end of each requested day, which are dates in the account's zone and Unix seconds otherwise.
fn days(call: &Call, zone: Option<&TimeZone>, now: i64) -> Result<Vec<(i64, i64)>, GraphError> {
    let in_zone = call.parameter("use_waba_timezone") == Some("true");
    let utc = TimeZone::UTC;
    let zone = zone.unwrap_or(&utc);
    let date = |name: &str| {
        let text = call.parameter(name).unwrap_or_default();
        let date: Option<Date> = if in_zone {
            Date::strptime("%Y-%m-%d", text).ok()
        } else {
            let seconds = text.parse().ok();
            let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            time.map(|time| zone.to_datetime(time).date())
        };
        date.ok_or_else(|| invalid(&format!("Param {name} is not valid")))
    };
    let (start, end) = (date("start")?, date("end")?);
    let mut days = Vec::new();
    let mut at = start;
    while at < end {
        let next = at
            .tomorrow()
            .map_err(|_| invalid("Param end is not valid"))?;
        days.push((midnight(at, zone), midnight(next, zone)));
        at = next;
    }
    let oldest = now - (TEMPLATE_DAYS + 1) * DAY_SECONDS;
    if days.first().is_some_and(|(start, _)| *start < oldest) {
        return Err(invalid("Param start must be within the last 90 days"));
    }
    Ok(days)
}

fn midnight(date: Date, zone: &TimeZone) -> i64 {
    let midnight = date.to_zoned(zone.clone());
    midnight.map_or(0, |midnight| midnight.timestamp().as_second())
}

/// The point of a day. `None` for a day without messages. Templates whose id ends with an even digit have no buttons,
/// and those whose id ends with 3 have no `replied`, as in answers of older products.
fn point(
    world: &World,
    template_id: &str,
    day: (i64, i64),
    now: i64,
    metrics: &[&str],
) -> Option<Value> {
    let counts = world.messages.template_counts(template_id, day, Some(now));
    if counts.sent == 0 {
        return None;
    }
    let mut point = Map::new();
    point.insert("template_id".into(), template_id.into());
    point.insert("start".into(), day.0.into());
    point.insert("end".into(), day.1.into());
    let has = |metric: &str| metrics.contains(&metric);
    let figures = [
        ("SENT", "sent", counts.sent),
        ("DELIVERED", "delivered", counts.delivered),
        ("READ", "read", counts.read),
        ("REPLIED", "replied", counts.replied),
    ];
    for (metric, key, count) in figures {
        let is_missing = key == "replied" && template_id.ends_with('3');
        if has(metric) && !is_missing {
            point.insert(key.into(), count.into());
        }
    }
    if has("CLICKED") && has_buttons(template_id) {
        point.insert("clicked".into(), clicks(counts.clicked));
    }
    if has("COST") {
        point.insert("cost".into(), costs(&counts));
    }
    Some(Value::Object(point))
}

/// Whether a template of the simulated world has buttons.
#[must_use]
pub fn has_buttons(template_id: &str) -> bool {
    template_id.ends_with(['1', '3', '5', '7', '9'])
}

/// The clicks of two buttons. A button without clicks has no `count`.
fn clicks(clicked: u64) -> Value {
    let link = clicked / 3;
    let mut buttons = json!([
        {"type": "quick_reply_button", "button_content": "Yes", "count": clicked - link},
        {"type": "unique_url_button", "button_content": "More"},
    ]);
    if link > 0 {
        buttons[1]["count"] = link.into();
    }
    buttons
}

/// Meta omits `value` where there is nothing.
fn costs(counts: &TemplateCounts) -> Value {
    let mut costs = json!([
        {"type": "amount_spent"}, {"type": "cost_per_delivered"}, {"type": "cost_per_url_button_click"}]);
    if counts.spent > 0 {
        costs[0]["value"] = units(counts.spent).into();
        costs[1]["value"] = units(counts.spent / counts.delivered.max(1)).into();
    }
    costs
}

#[expect(clippy::cast_precision_loss, reason = "prices are small")]
fn units(millionths: u64) -> f64 {
    millionths as f64 / MILLIONTHS
}

fn pricing_analytics(world: &World, account: &Account, field: &Field) -> Result<Value, GraphError> {
    let modifier = |name: &str| {
        let found = field.modifiers.iter().find(|(key, _)| key == name);
        found.map(|(_, argument)| argument.as_str())
    };
    let time = |name: &str| {
        let time = modifier(name).and_then(|text| text.trim().parse::<i64>().ok());
        time.ok_or_else(|| invalid(&format!("Param {name} is required")))
    };
    let (start, end) = (time("start")?, time("end")?);
    if modifier("granularity") != Some("DAILY") {
        return Err(invalid("Param granularity must be DAILY"));
    }
    let mut points = Vec::new();
    let first = start - start.rem_euclid(DAY_SECONDS);
    let mut day = first;
    while day < end {
        points.extend(number_points(world, account, (day, day + DAY_SECONDS)));
        day += DAY_SECONDS;
    }
    let mut value = json!({"granularity": "DAILY"});
    if !points.is_empty() {
        value = json!({"data": [{"data_points": points}]});
    }
    Ok(json!({"pricing_analytics": value, "id": account.id}))
}

/// A category of webhooks in the words of the analytics.
fn pricing_category(category: &str) -> String {
    match category {
        "general_purpose_ai" => "AI_BOT".to_owned(),
        _ => category.to_ascii_uppercase().replace('-', "_"),
    }
}

/// The points of one day, with the words in upper case. A partner who pays hides the cost.
fn number_points(world: &World, account: &Account, day: (i64, i64)) -> Vec<Value> {
    let numbers = account.phone_number_ids.iter();
    let numbers = numbers.filter_map(|id| world.phone_numbers.get(id));
    let mut points = Vec::new();
    for number in numbers {
        for ((category, pricing_type), counts) in world.messages.delivered_counts(&number.id, day) {
            let mut point = json!({
                "start": day.0,
                "end": day.1,
                "phone_number": number.digits(),
                "pricing_type": pricing_type.to_ascii_uppercase(),
                "pricing_category": pricing_category(&category),
                "volume": counts.volume,
            });
            if account.funding_id.is_some() {
                point["cost"] = units(counts.cost).into();
            }
            points.push(point);
        }
    }
    points
}
