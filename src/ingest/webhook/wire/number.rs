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

/// `group_status_update`: one fact for each group, with its own time. Its `metadata` identifies the number.
pub fn groups(
    value: &MetaObject<'_>,
    warnings: &mut ParseWarnings,
) -> Vec<(Fact, Option<Timestamp>)> {
    let metadata = value
        .require("metadata", warnings)
        .and_then(|()| value.object("metadata", "metadata", warnings));
    let Some(digits) = metadata.and_then(|metadata| digits(&metadata, warnings)) else {
        return Vec::new();
    };
    let groups = value.objects("groups", "groups", warnings);
    let groups = groups.iter().filter_map(|group| {
        let status = group_status(group, warnings)?;
        let update = Update::Groups(vec![status]);
        let digits = digits.clone();
        let fact = Fact::Number(WebhookUpdate { digits, update });
        Some((fact, group.time("timestamp", warnings)))
    });
    groups.collect()
}

fn group_status(group: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<GroupStatus> {
    group.require("group_id", warnings)?;
    let id = group.text("group_id", warnings)?;
    let is_suspended = match group.word("type", warnings)? {
        GroupStatusKind::Suspend => true,
        GroupStatusKind::SuspendCleared => false,
        GroupStatusKind::Other => return None,
    };
    Some(GroupStatus {
        group: delivery_key("", "", "group", &id),
        is_suspended,
    })
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
