//! Parses webhooks about phone numbers.
//!
//! Most have no phone number id; the number is identified by the digits of its display form.

use crate::domain::number::{
    GroupStatus, GroupStatusKind, NameRejectionReason, NameReview, QualityEventKind, Update,
    WebhookUpdate,
};
use crate::domain::{DisplayDigits, Fact, MessagingLimit, Timestamp};
use crate::ingest::key::delivery_key;
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
    let review = NameReview {
        decision: value.word("decision", warnings)?,
        rejection_reason: value
            .word("rejection_reason", warnings)
            .filter(|reason| *reason != NameRejectionReason::None),
    };
    let update = Update::Name(review);
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// `security`. The requester is not read: Meta does not document whose id it is.
pub fn security(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let digits = digits(value, warnings)?;
    value.require("event", warnings)?;
    let update = Update::Security(value.word("event", warnings)?);
    Some(Fact::Number(WebhookUpdate { digits, update }))
}

/// `group_status_update`. Its `metadata` identifies the number.
pub fn groups(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    value.require("metadata", warnings)?;
    let metadata = value.object("metadata", "metadata", warnings)?;
    let digits = digits(&metadata, warnings)?;
    let groups = value.objects("groups", "groups", warnings);
    let groups = groups.iter().filter_map(|group| {
        group.require("group_id", warnings)?;
        let id = group.text("group_id", warnings)?;
        let is_suspended = match group.word("type", warnings)? {
            GroupStatusKind::Suspend => true,
            GroupStatusKind::SuspendCleared => false,
            GroupStatusKind::Other => return None,
        };
        let group = delivery_key("", "", "group", &id);
        Some(GroupStatus {
            group,
            is_suspended,
        })
    });
    let groups: Vec<GroupStatus> = groups.collect();
    let has_some = !groups.is_empty();
    let update = Update::Groups(groups);
    has_some.then_some(Fact::Number(WebhookUpdate { digits, update }))
}

/// The newest time of the groups in a `group_status_update`, whose entry has none.
pub fn newest_group_time(
    value: &MetaObject<'_>,
    warnings: &mut ParseWarnings,
) -> Option<Timestamp> {
    let mut reported_before = ParseWarnings::new();
    let groups = value.objects("groups", "groups", &mut reported_before);
    let times = groups.iter();
    times
        .filter_map(|group| group.time("timestamp", warnings))
        .max()
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
