//! Renders the state of messages and conversations of phone numbers.

use std::time::Duration;

use super::Options;
use super::metric::{Metric, metrics};
use super::page::{COUNT, EntityLabels, Family, Page, SampleValue};
use super::rows::Rows;
use crate::domain::message::{Category, PricingType, Status};
use crate::domain::time_zone::Month;
use crate::domain::track::Actor;
use crate::domain::{BusinessHours, Timestamp, WabaId, Word};
use crate::state::responses::Responses;
use crate::state::{Accounts, Histogram, Traffic};

metrics! {
    RECEIVED: Counter "whatsapp_messages_received_total" ["waba_id", "phone_number_id", "kind"]
        "Number of messages received from customers, by type.";
    STATUSES: Counter "whatsapp_message_statuses_total" ["waba_id", "phone_number_id", "status", "category"]
        "Number of statuses of sent messages, by status and price category. Meta gives the category with one status of each message; the category of the others is 'unknown'. A message that is read immediately may have no 'delivered' status.";
    FAILURES: Counter "whatsapp_message_failures_total" ["waba_id", "phone_number_id", "error_code"]
        "Number of errors of failed messages, by Meta's error code; at most 64 codes for each phone number, further ones as OTHER.";
    LAST_FAILURE: Gauge "whatsapp_message_last_failure_timestamp_seconds" ["waba_id", "phone_number_id", "error_code"]
        "Time of the last failed message with each error code. Absent before the first.";
    PRICED: Counter "whatsapp_messages_priced_total" ["waba_id", "phone_number_id", "category", "pricing_type"]
        "Number of sent messages whose price Meta has reported, by category and pricing type, each message once.";
    FREE_TIER_USED: Gauge "whatsapp_service_messages_free_tier_used" ["waba_id", "phone_number_id"]
        "Number of service messages in the current calendar month of the account's time zone (UTC until known), free or charged. Absent before the first.";
    FREE_TIER_LIMIT: Gauge "whatsapp_service_messages_free_tier_limit" ["waba_id", "phone_number_id"]
        "Number of service messages that are free in a calendar month. Absent before the first service message.";
    PREFERENCES: Counter "whatsapp_marketing_preferences_total" ["waba_id", "phone_number_id", "preference"]
        "Number of customers' choices to stop or resume marketing messages, as reported by user_preferences webhooks, retries counted once. Each choice of the same customer counts.";
    IGNORED_MARKS: Counter "whatsapp_callback_data_ignored_total" ["waba_id", "phone_number_id", "reason"]
        "Number of sent messages whose biz_opaque_callback_data was ignored, by reason: neither a declared campaign nor a known key (no_known_key), an undeclared campaign (undeclared), a journey without a step or goal, or a step or goal without a journey (incomplete), or longer than Meta allows (too_long).";
    FIRST_RESPONSE: Histogram "whatsapp_first_response_seconds" ["waba_id", "phone_number_id", "actor", "clock"]
        "Time from the first customer message of a conversation to its first response, in seconds. Observed a minute after the response.";
    RESPONSE: Histogram "whatsapp_response_seconds" ["waba_id", "phone_number_id", "actor", "clock"]
        "Time from the first customer message without a response to that response, in seconds. Observed a minute after the response.";
    WAITING: Gauge "whatsapp_conversations_waiting" ["waba_id", "phone_number_id"]
        "Number of customers whose last message has no response. A customer counts for at most a day.";
    OLDEST_WAITING: Gauge "whatsapp_conversations_oldest_waiting_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Start time of the longest current wait. Absent when no customer is waiting.";
    LONGEST_WAIT: Gauge "whatsapp_conversations_longest_wait_seconds" ["waba_id", "phone_number_id", "clock"]
        "Longest current wait of a customer, in seconds; 0 when no customer is waiting. The clock 'business' counts business hours only, and needs trackers.business_hours.";
    OPEN: Gauge "whatsapp_conversations_open" ["waba_id", "phone_number_id"]
        "Number of conversations with a message in the last 24 hours.";
    BEGAN: Counter "whatsapp_conversations_started_total" ["waba_id", "phone_number_id", "entry_point"]
        "Number of conversations that customers started, by entry point: a click on an ad (ad) or a post (post), or none. Counted a minute after the first message.";
    ENDED: Counter "whatsapp_conversations_ended_total" ["waba_id", "phone_number_id", "reason"]
        "Number of ended conversations, by reason: no message for a day after a response (answered) or without one (unanswered), or closed because too many were open (overflow).";
}

/// Service messages of a phone number that Meta does not charge for in a calendar month, since October 2026.
const FREE_SERVICE_MESSAGES: u64 = 1_000;

/// All time counts, including nights and holidays.
const WALL: &str = "wall";

/// Only business hours count, if they are configured.
const BUSINESS: &str = "business";

/// Writes the families of all numbers that have had messages.
pub(super) fn write(page: &mut Page, accounts: &Accounts, now: Timestamp, options: &Options) {
    let numbers: Rows<'_, Traffic> = accounts
        .iter()
        .flat_map(|(waba_id, account)| {
            account.traffic().map(move |traffic| {
                let entity = entity(waba_id, traffic).created(account.counted_since());
                (entity, traffic)
            })
        })
        .collect();
    write_messages(page, &numbers);
    write_free_tier(page, accounts, now);
    let business_hours = options.business_hours.as_deref();
    write_responses(page, &numbers, business_hours.is_some());
    write_conversations(page, &numbers);
    write_waits(page, &numbers, now, business_hours);
}

fn entity(waba_id: &WabaId, traffic: &Traffic) -> EntityLabels {
    EntityLabels::new(&[
        ("waba_id", waba_id.as_str()),
        ("phone_number_id", traffic.id.as_str()),
    ])
}

fn write_messages(page: &mut Page, numbers: &Rows<'_, Traffic>) {
    numbers.counts(page, &RECEIVED, |traffic| &traffic.received);
    numbers.each(page, &STATUSES, |family, entity, traffic| {
        for (status, category, count) in traffic.statuses.iter() {
            if count > 0 || is_common(status, category) {
                family.count(entity, &[status.as_str(), category.as_str()], count);
            }
        }
    });
    numbers.each(page, &FAILURES, |family, entity, traffic| {
        for (code, count) in traffic.failures.iter() {
            family.count(entity, &[&code.to_string()], count);
        }
    });
    numbers.each(page, &LAST_FAILURE, |family, entity, traffic| {
        for (code, at) in traffic.failures.last_times() {
            family.sample(entity, &[&code.to_string()], SampleValue::Time(at));
        }
    });
    numbers.each(page, &PRICED, |family, entity, traffic| {
        for (category, pricing_type, count) in traffic.prices.counts.iter() {
            if count > 0 || is_common_price(category, pricing_type) {
                let words = [category.as_str(), pricing_type.as_str()];
                family.count(entity, &words, count);
            }
        }
    });
    numbers.counts(page, &PREFERENCES, |traffic| &traffic.preferences);
    numbers.counts(page, &IGNORED_MARKS, |traffic| &traffic.ignored_marks);
}

/// Whether the price is common enough to start at 0 in full state sets. Other prices appear once they have occurred.
fn is_common_price(category: Category, pricing_type: PricingType) -> bool {
    match pricing_type {
        PricingType::FreeCustomerService => category == Category::Service,
        PricingType::Regular => matches!(
            category,
            Category::Service | Category::Utility | Category::Marketing | Category::Authentication
        ),
        _ => false,
    }
}

/// Writes the free service messages of the month.
fn write_free_tier(page: &mut Page, accounts: &Accounts, now: Timestamp) {
    let mut used = Vec::new();
    for (waba_id, account) in accounts {
        let mut numbers = account.traffic().peekable();
        if numbers.peek().is_none() {
            continue;
        }
        let month = Month::at(now, account.timezone_id.value().map(String::as_str));
        for traffic in numbers {
            if let Some(count) = traffic.prices.service_messages(month) {
                used.push((entity(waba_id, traffic), count));
            }
        }
    }
    let mut write = |metric: &Metric, value: &dyn Fn(u64) -> u64| {
        let mut family = page.family(metric);
        for (entity, count) in &used {
            family.sample(entity, &[], SampleValue::Whole(value(*count)));
        }
    };
    write(&FREE_TIER_USED, &|count| count);
    write(&FREE_TIER_LIMIT, &|_| FREE_SERVICE_MESSAGES);
}

/// Whether the pair is common enough to start at 0 in full state sets. Other pairs appear once they have occurred.
fn is_common(status: Status, category: Category) -> bool {
    match status {
        Status::Sent | Status::Failed => category == Category::Unknown,
        Status::Delivered | Status::Read => !matches!(
            category,
            Category::GeneralPurposeAi
                | Category::GroupMarketing
                | Category::GroupService
                | Category::GroupUtility
                | Category::Other
        ),
        _ => false,
    }
}

fn write_responses(page: &mut Page, numbers: &Rows<'_, Traffic>, business_clock: bool) {
    let mut write = |metric: &Metric, of: fn(&Responses) -> &Histogram| {
        numbers.each(page, metric, |family, entity, traffic| {
            let clocks = [(WALL, &traffic.wall), (BUSINESS, &traffic.business)];
            for (clock, by_actor) in &clocks[..1 + usize::from(business_clock)] {
                for actor in Actor::ALL {
                    let histogram = of(by_actor.by_actor(actor));
                    // Only an application's events show who responds; without them there are no other actors.
                    let is_expected = actor == Actor::Unknown && family.has_zeros();
                    if is_expected || histogram.count() > 0 {
                        let labels = [("actor", actor.as_str()), ("clock", *clock)];
                        write_histogram(family, entity, &labels, histogram);
                    }
                }
            }
        });
    };
    write(&FIRST_RESPONSE, |responses| &responses.first);
    write(&RESPONSE, |responses| &responses.all);
}

/// Writes a histogram with these labels in addition to its entity's.
pub(super) fn write_histogram(
    family: &mut Family<'_>,
    entity: &EntityLabels,
    labels: &[(&str, &str)],
    histogram: &Histogram,
) {
    let mut bucket = |bound: &str, count| {
        let labels = [labels, &[("le", bound)]].concat();
        family.sample_of("_bucket", entity, &labels, SampleValue::Whole(count));
    };
    for (bound, count) in histogram.cumulative() {
        // `1.0` rather than `1`: OpenMetrics expects floats, and one series must not have two names.
        bucket(&format!("{bound}.0"), count);
    }
    bucket("+Inf", histogram.count());
    let count = SampleValue::Whole(histogram.count());
    let sum = SampleValue::Float(histogram.sum().as_secs_f64());
    family.sample_of("_sum", entity, labels, sum);
    family.sample_of(COUNT, entity, labels, count);
}

/// Writes the longest waits. Not a timestamp: what the business clock shows depends on when it is read.
fn write_waits(
    page: &mut Page,
    numbers: &Rows<'_, Traffic>,
    now: Timestamp,
    business_hours: Option<&BusinessHours>,
) {
    numbers.each(page, &LONGEST_WAIT, |family, entity, traffic| {
        let mut write = |clock, wait: &dyn Fn(Timestamp) -> Duration| {
            let wait = traffic.oldest_waiting().map(wait).unwrap_or_default();
            family.sample(entity, &[clock], SampleValue::Float(wait.as_secs_f64()));
        };
        write(WALL, &|since| now.since(since));
        if let Some(hours) = business_hours {
            write(BUSINESS, &|since| hours.between(since, now));
        }
    });
}

fn write_conversations(page: &mut Page, numbers: &Rows<'_, Traffic>) {
    let whole = |count: usize| Some(SampleValue::Whole(count as u64));
    numbers.value(page, &WAITING, |traffic| whole(traffic.waiting()));
    numbers.time(page, &OLDEST_WAITING, Traffic::oldest_waiting);
    numbers.value(page, &OPEN, |traffic| whole(traffic.open()));
    numbers.counts(page, &BEGAN, |traffic| &traffic.began);
    numbers.each(page, &ENDED, |family, entity, traffic| {
        let ended = traffic.ended;
        for (reason, count) in [
            ("answered", ended.answered),
            ("unanswered", ended.unanswered),
            ("overflow", ended.overflow),
        ] {
            family.count(entity, &[reason], count);
        }
    });
}
