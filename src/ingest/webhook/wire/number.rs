//! Parses webhooks about phone numbers.
//!
//! They have no phone number id; the number is identified by the digits of its display form.

use crate::domain::number::{QualityEventKind, Update, WebhookUpdate};
use crate::domain::{DisplayDigits, Fact, MessagingLimit};
use crate::ingest::{MetaObject, ParseWarnings};

/// `phone_number_quality_update`, in its earlier and its current form.
pub fn quality(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let digits = digits(value, warnings)?;
    value.require("event", warnings)?;
    let event = value.word("event", warnings)?;
    // With THROUGHPUT_UPGRADE these two are a throughput level, and with an unknown event their meaning is unknown.
    let of_old = |key, warnings: &mut ParseWarnings| {
        let about_limits = !matches!(
            event,
            QualityEventKind::ThroughputUpgrade | QualityEventKind::Other
        );
        about_limits.then(|| value.limit(key, warnings)).flatten()
    };
    let update = Update::Quality {
        event,
        old_limit: of_old("old_limit", warnings),
        current_limit: daily_limit(value, warnings).or_else(|| of_old("current_limit", warnings)),
    };
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// `phone_number_name_update`.
pub fn name(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let digits = digits(value, warnings)?;
    value.require("decision", warnings)?;
    let update = Update::Name(value.word("decision", warnings)?);
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// The messaging limit, with its field name since v24 or the earlier one. Numbers and accounts share it.
pub fn daily_limit(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessagingLimit> {
    value
        .limit("max_daily_conversations_per_business", warnings)
        .or_else(|| value.limit("max_daily_conversation_per_phone", warnings))
}

fn digits(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<DisplayDigits> {
    value.require("display_phone_number", warnings)?;
    value.parsed("display_phone_number", DisplayDigits::parse, warnings)
}
