//! Renders the state of phone numbers.

use super::Apps;
use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use crate::domain::number::NameStatus;
use crate::domain::{CallbackUrl, MessagingLimit, QualityRating, WabaId, Word};
use crate::state::{Account, Accounts, Number, SharedNumbers};

metrics! {
    INFO: Gauge "whatsapp_phone_number_info" ["waba_id", "phone_number_id", "display_phone_number", "verified_name", "platform_type", "account_mode"]
        "Phone number information as labels, for joins. Always 1; labels are empty until known.";
    QUALITY_RATING: Gauge "whatsapp_phone_number_quality_rating" ["waba_id", "phone_number_id", "quality_rating"]
        "Quality rating as a state set: 1 for the current rating, 0 for the others. Absent until known.";
    QUALITY_SCORE: Gauge "whatsapp_phone_number_quality_score" ["waba_id", "phone_number_id"]
        "Quality rating as a number: 3 GREEN, 2 YELLOW, 1 RED. Absent while the rating is unknown.";
    QUALITY_CHANGED: Gauge "whatsapp_phone_number_quality_rating_changed_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Time at which the current quality rating was first seen. Absent until the rating is known.";
    STATUS: Gauge "whatsapp_phone_number_status" ["waba_id", "phone_number_id", "status"]
        "Status as a state set: 1 for the current status, 0 for the others. Absent until known.";
    STATUS_CHANGED: Gauge "whatsapp_phone_number_status_changed_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Time at which the current status was first seen. Absent until the status is known.";
    FLAGGED: Gauge "whatsapp_phone_number_flagged" ["waba_id", "phone_number_id"]
        "Whether the phone number is flagged, according to its status or a webhook, whichever is newer: 1 if it is, 0 if not. Absent until known.";
    FLAGGED_SINCE: Gauge "whatsapp_phone_number_flagged_since_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Time at which the phone number was flagged. Absent while it is not flagged.";
    FLAGGED_DEADLINE: Gauge "whatsapp_phone_number_flagged_deadline_timestamp_seconds" ["waba_id", "phone_number_id"]
        "Deadline for the quality rating of a flagged phone number to recover: 7 days after the flag. Absent while the number is not flagged.";
    MESSAGING_LIMIT: Gauge "whatsapp_phone_number_messaging_limit" ["waba_id", "phone_number_id"]
        "Maximum number of unique customers that may be messaged in 24 hours, +Inf for no limit. The limit of the business portfolio where Meta reports it. Absent until known.";
    LIMIT_CHANGES: Counter "whatsapp_phone_number_messaging_limit_changes_total" ["waba_id", "phone_number_id", "direction"]
        "Number of changes of the messaging limit, by direction: increase or decrease.";
    THROUGHPUT_LEVEL: Gauge "whatsapp_phone_number_throughput_level" ["waba_id", "phone_number_id", "level"]
        "Throughput level as a state set: 1 for the current level, 0 for the others. Absent until known.";
    NAME_STATUS: Gauge "whatsapp_phone_number_name_status" ["waba_id", "phone_number_id", "status"]
        "Review status of the display name as a state set: 1 for the current status, 0 for the others. Absent until known.";
    NEW_NAME_STATUS: Gauge "whatsapp_phone_number_new_name_status" ["waba_id", "phone_number_id", "status"]
        "Review status of a requested new display name. Always 1; absent while no new name is requested.";
    CODE_VERIFICATION_STATUS: Gauge "whatsapp_phone_number_code_verification_status" ["waba_id", "phone_number_id", "status"]
        "Status of the phone number's verification by code as a state set: 1 for the current status, 0 for the others. Absent until known.";
    CAN_SEND_MESSAGE: Gauge "whatsapp_phone_number_can_send_message" ["waba_id", "phone_number_id", "can_send_message"]
        "Ability of the phone number to send messages as a state set: the worst value among the entities in its health_status. Absent until known.";
    HEALTH_ENTITY: Gauge "whatsapp_phone_number_health_entity" ["waba_id", "phone_number_id", "entity_type", "can_send_message"]
        "Entity in the health_status of the phone number that blocks or limits sending. Always 1; absent while all entities are AVAILABLE.";
    MESSAGES_CALLBACK_MATCHES: Gauge "whatsapp_phone_number_messages_callback_matches" ["waba_id", "phone_number_id"]
        "Whether Meta delivers the phone number's messages webhooks to webhook.callback_url: 1 if it does, 0 if an override for the number or its account, or the app's callback URL, leads elsewhere. Absent if webhook.callback_url is not configured, and until known.";
    HEALTH_ERROR: Gauge "whatsapp_phone_number_health_error" ["waba_id", "phone_number_id", "entity_type", "error_code"]
        "Error at an entity in the health_status of the phone number, by Meta's numeric code, or OTHER if it is not a number. Always 1; absent without errors. At most 16 per phone number.";
    LISTED_AGAIN: Gauge "whatsapp_phone_number_listed_again" ["waba_id", "phone_number_id"]
        "Listing of a phone number under an additional account. Always 1; absent if no other account lists the number, and for the account that represents it in sums and alerts: the visible account with the lowest id.";
    QUALITY_EVENTS: Counter "whatsapp_phone_number_quality_events_total" ["waba_id", "phone_number_id", "event"]
        "Number of phone_number_quality_update webhooks by event, retries counted once.";
    LAST_QUALITY_EVENT: Gauge "whatsapp_phone_number_last_quality_event_timestamp_seconds" ["waba_id", "phone_number_id", "event"]
        "Time at which Meta sent the last phone_number_quality_update of each event. Absent before the first.";
    NAME_REJECTION_REASON: Gauge "whatsapp_phone_number_name_rejection_reason" ["waba_id", "phone_number_id", "rejection_reason"]
        "Reason for which Meta rejected the display name, as reported by phone_number_name_update. Always 1; absent while no name is rejected, or if Meta gives no reason.";
    SECURITY_EVENTS: Counter "whatsapp_phone_number_security_events_total" ["waba_id", "phone_number_id", "event"]
        "Number of security webhooks about the two-step verification PIN by event, retries counted once.";
    LAST_SECURITY_EVENT: Gauge "whatsapp_phone_number_last_security_event_timestamp_seconds" ["waba_id", "phone_number_id", "event"]
        "Time at which Meta sent the last security webhook of each event. Absent before the first.";
    GROUPS_SUSPENDED: Gauge "whatsapp_phone_number_groups_suspended" ["waba_id", "phone_number_id"]
        "Number of the phone number's groups that Meta has suspended, as reported by group_status_update. Absent before the first report.";
}

/// Writes the families of all numbers of these accounts. Other accounts may list them too.
pub(super) fn write(
    page: &mut Page,
    accounts: &Accounts,
    shared: &SharedNumbers<'_>,
    apps: &Apps<'_>,
    callback: Option<&CallbackUrl>,
) {
    let numbers: Rows<'_, Number> = accounts
        .iter()
        .flat_map(|(id, account)| rows_of(id, account))
        .collect();
    write_info(page, &numbers);
    write_quality(page, &numbers);
    write_status(page, &numbers);
    write_limits(page, &numbers);
    write_reviews(page, &numbers);
    write_health(page, &numbers);
    write_listings(page, accounts, shared);
    write_callbacks(page, accounts, apps, callback);
    write_events(page, &numbers);
}

fn rows_of<'a>(
    waba_id: &WabaId,
    account: &'a Account,
) -> impl Iterator<Item = (EntityLabels, &'a Number)> {
    let numbers = account.numbers();
    numbers.map(move |number| {
        let labels = labels(waba_id, number).created(account.counted_since());
        (labels, number)
    })
}

fn labels(waba_id: &WabaId, number: &Number) -> EntityLabels {
    EntityLabels::new(&[
        ("waba_id", waba_id.as_str()),
        ("phone_number_id", number.id.as_str()),
    ])
}

fn write_info(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.each(page, &INFO, |family, entity, number| {
        let display = number
            .display_phone_number
            .value()
            .map_or("", String::as_str);
        let name = number.verified_name.value().map_or("", String::as_str);
        let platform = number
            .platform_type
            .value()
            .map_or("", |word| word.as_str());
        let mode = number.account_mode.value().map_or("", |word| word.as_str());
        family.sample(
            entity,
            &[display, name, platform, mode],
            SampleValue::Whole(1),
        );
    });
}

fn write_quality(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.states(page, &QUALITY_RATING, |number| {
        number.quality_rating.value()
    });
    numbers.value(page, &QUALITY_SCORE, |number| {
        let score = number.quality_rating.value().and_then(QualityRating::score);
        score.map(|score| SampleValue::Whole(score.into()))
    });
    numbers.since(page, &QUALITY_CHANGED, |number| &number.quality_rating);
}

fn write_status(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.states(page, &STATUS, |number| number.status.value());
    numbers.since(page, &STATUS_CHANGED, |number| &number.status);
    numbers.value(page, &FLAGGED, |number| {
        number.flagged.value().map(SampleValue::Flag)
    });
    numbers.time(page, &FLAGGED_SINCE, Number::flagged_since);
    numbers.time(page, &FLAGGED_DEADLINE, Number::flagged_deadline);
}

fn write_limits(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.value(page, &MESSAGING_LIMIT, |number| {
        number
            .messaging_limit
            .value()
            .map(MessagingLimit::as_f64)
            .map(SampleValue::Float)
    });
    numbers.each(page, &LIMIT_CHANGES, |family, entity, number| {
        family.count(entity, &["increase"], number.limit_increases);
        family.count(entity, &["decrease"], number.limit_decreases);
    });
    numbers.states(page, &THROUGHPUT_LEVEL, |number| {
        number.throughput_level.value()
    });
}

fn write_reviews(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.states(page, &NAME_STATUS, |number| number.name_status.value());
    numbers.sparse(page, &NEW_NAME_STATUS, |number| {
        number
            .new_name_status
            .value()
            .filter(|status| *status != NameStatus::None)
    });
    numbers.sparse(page, &NAME_REJECTION_REASON, Number::name_rejection);
    numbers.states(page, &CODE_VERIFICATION_STATUS, |number| {
        number.code_verification_status.value()
    });
}

fn write_health(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.states(page, &CAN_SEND_MESSAGE, |number| {
        number.can_send_message.value()
    });
    numbers.health_entities(page, &HEALTH_ENTITY, |number| number.health.value());
    numbers.health_errors(page, &HEALTH_ERROR, |number| number.health_details.value());
}

fn write_listings(page: &mut Page, accounts: &Accounts, shared: &SharedNumbers<'_>) {
    let mut family = page.family(&LISTED_AGAIN);
    for (waba_id, account) in accounts {
        // Few numbers are listed again, so labels are rendered only for them.
        let again = account.numbers();
        for number in again.filter(|number| shared.is_listed_again(waba_id, &number.id)) {
            family.sample(&labels(waba_id, number), &[], SampleValue::Whole(1));
        }
    }
}

/// Writes no series if no callback URL is expected.
fn write_callbacks(
    page: &mut Page,
    accounts: &Accounts,
    apps: &Apps<'_>,
    expected: Option<&CallbackUrl>,
) {
    let mut family = page.family(&MESSAGES_CALLBACK_MATCHES);
    let Some(expected) = expected else {
        return;
    };
    for (waba_id, account) in accounts {
        let app = apps.callback_of(waba_id);
        for (entity, number) in rows_of(waba_id, account) {
            if let Some(there) = account.messages_callback(number, app) {
                family.sample(&entity, &[], SampleValue::Flag(there == expected));
            }
        }
    }
}

fn write_events(page: &mut Page, numbers: &Rows<'_, Number>) {
    numbers.counts(page, &QUALITY_EVENTS, |number| &number.quality_events);
    numbers.each(page, &LAST_QUALITY_EVENT, |family, entity, number| {
        for (event, at) in number.last_quality_event.iter() {
            family.sample(entity, &[event.as_str()], SampleValue::Time(*at));
        }
    });
    numbers.counts(page, &SECURITY_EVENTS, |number| &number.security_events);
    numbers.each(page, &LAST_SECURITY_EVENT, |family, entity, number| {
        for (event, at) in number.last_security_event.iter() {
            family.sample(entity, &[event.as_str()], SampleValue::Time(*at));
        }
    });
    numbers.value(page, &GROUPS_SUSPENDED, |number| {
        number.suspended_groups().map(SampleValue::Whole)
    });
}
