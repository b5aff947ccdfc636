//! Parses webhooks about message templates.

use compact_str::CompactString;

use crate::domain::template::{Identity, RejectedReason, Update, WebhookUpdate};
use crate::domain::{Fact, TemplateId, Word};
use crate::ingest::{MetaObject, ParseWarnings};

/// `message_template_status_update` and `message_template_quality_update`, distinguished by their keys: Meta's page
/// publishes the second under the name of the first.
pub fn status_or_quality(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, warnings)?;
    let update = if value.has("new_quality_score") && !value.has("event") {
        quality(value, warnings)?
    } else {
        status(value, warnings)?
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

/// `template_category_update`, for a scheduled or a completed change.
///
/// In the announcement, `new_category` is the *present* category, despite its name.
pub fn category(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, warnings)?;
    let announced = value.has("correct_category") && !value.has("previous_category");
    let update = if announced {
        Update::CategoryAnnounced {
            present: value.word("new_category", warnings),
            coming: value.word("correct_category", warnings)?,
            at: value.time("category_update_timestamp", warnings),
        }
    } else {
        value.require("new_category", warnings)?;
        Update::CategoryChanged {
            previous: value.word("previous_category", warnings),
            new: value.word("new_category", warnings)?,
        }
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

/// `template_correct_category_detection`, in two shapes that two SDKs use.
pub fn correct_category(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, warnings)?;
    let key = if value.has("suggested_category") {
        "suggested_category"
    } else {
        "correct_category"
    };
    value.require(key, warnings)?;
    let update = Update::CategoryDetected {
        correct: value.word(key, warnings)?,
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

fn identity(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Identity> {
    value.require("message_template_id", warnings)?;
    Some(Identity {
        id: value.parsed("message_template_id", TemplateId::parse, warnings)?,
        name: value
            .text("message_template_name", warnings)
            .map(CompactString::from),
        language: value
            .text("message_template_language", warnings)
            .map(|language| language.replace('-', "_").into()),
    })
}

fn quality(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Update> {
    Some(Update::Quality {
        previous: value.word("previous_quality_score", warnings),
        new: value.word("new_quality_score", warnings)?,
    })
}

fn status(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Update> {
    value.require("event", warnings)?;
    Some(Update::Status {
        event: value.word("event", warnings)?,
        reason: reason(value, warnings),
        category: value.word("message_template_category", warnings),
        pause: value
            .object("other_info", "other_info", warnings)
            .and_then(|info| info.word("title", warnings)),
        disable_at: value
            .object("disable_info", "disable_info", warnings)
            .and_then(|info| info.time("disable_date", warnings)),
    })
}

/// `NONE` and null both mean that there is no reason. `rejection_info.reason` is usually prose, so it counts only if
/// it is one of the words, and causes no parse warning otherwise.
fn reason(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<RejectedReason> {
    let given = value
        .word("reason", warnings)
        .filter(|reason| *reason != RejectedReason::None);
    given.or_else(|| {
        let info = value.object("rejection_info", "rejection_info", warnings)?;
        let reason = RejectedReason::parse(&info.text("reason", warnings)?);
        let is_known = !matches!(reason, RejectedReason::None | RejectedReason::Other);
        is_known.then_some(reason)
    })
}
