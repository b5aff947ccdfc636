//! Parses webhooks about phone numbers.
//!
//! They have no phone number id; the number is identified by the digits of its display form.

use crate::domain::number::{QualityEventKind, Update, WebhookUpdate};
use crate::domain::{DisplayDigits, Fact, MessagingLimit};
use crate::ingest::{Object, ParseWarnings};

/// `phone_number_quality_update`, in the form of old and in today's.
pub fn quality(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let digits = digits(value, odd)?;
    value.needs("event", odd)?;
    let event = value.word("event", odd)?;
    // With THROUGHPUT_UPGRADE these two are a throughput level, and with an unknown event their meaning is unknown.
    let of_old = |key, odd: &mut ParseWarnings| {
        let about_limits = !matches!(
            event,
            QualityEventKind::ThroughputUpgrade | QualityEventKind::Other
        );
        about_limits.then(|| value.limit(key, odd)).flatten()
    };
    let update = Update::Quality {
        event,
        old_limit: of_old("old_limit", odd),
        current_limit: daily_limit(value, odd).or_else(|| of_old("current_limit", odd)),
    };
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// `phone_number_name_update`.
pub fn name(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let digits = digits(value, odd)?;
    value.needs("decision", odd)?;
    let update = Update::Name(value.word("decision", odd)?);
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// The messaging limit under its name since v24, or under the one before: numbers and account share it.
pub fn daily_limit(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<MessagingLimit> {
    value
        .limit("max_daily_conversations_per_business", odd)
        .or_else(|| value.limit("max_daily_conversation_per_phone", odd))
}

fn digits(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<DisplayDigits> {
    value.needs("display_phone_number", odd)?;
    value.parsed("display_phone_number", DisplayDigits::parse, odd)
}
