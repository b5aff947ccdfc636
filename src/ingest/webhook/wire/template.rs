//! Parses webhooks about message templates.

use crate::domain::template::{Identity, RejectedReason, Update, WebhookUpdate};
use crate::domain::{Fact, TemplateId, Word};
use crate::ingest::{Object, ParseWarnings};

/// `message_template_status_update` and `message_template_quality_update`, distinguished by their keys: Meta's page
/// publishes the second under the name of the first.
pub fn status_or_quality(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, odd)?;
    let update = if value.has("new_quality_score") && !value.has("event") {
        quality(value, odd)?
    } else {
        status(value, odd)?
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

/// `template_category_update`, announced or done.
///
/// In the announcement `new_category` is the *present* category, whatever its name says.
pub fn category(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, odd)?;
    let announced = value.has("correct_category") && !value.has("previous_category");
    let update = if announced {
        Update::CategoryAnnounced {
            present: value.word("new_category", odd),
            coming: value.word("correct_category", odd)?,
            at: value.time("category_update_timestamp", odd),
        }
    } else {
        value.needs("new_category", odd)?;
        Update::CategoryChanged {
            previous: value.word("previous_category", odd),
            new: value.word("new_category", odd)?,
        }
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

/// `template_correct_category_detection`: two SDKs know two shapes.
pub fn correct_category(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let identity = identity(value, odd)?;
    let key = if value.has("suggested_category") {
        "suggested_category"
    } else {
        "correct_category"
    };
    value.needs(key, odd)?;
    let update = Update::CategoryDetected {
        correct: value.word(key, odd)?,
    };
    Some(Fact::Template(WebhookUpdate { identity, update }))
}

fn identity(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Identity> {
    value.needs("message_template_id", odd)?;
    Some(Identity {
        id: value.parsed("message_template_id", TemplateId::parse, odd)?,
        name: value.text("message_template_name", odd),
        language: value
            .text("message_template_language", odd)
            .map(|language| language.replace('-', "_")),
    })
}

fn quality(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Update> {
    Some(Update::Quality {
        previous: value.word("previous_quality_score", odd),
        new: value.word("new_quality_score", odd)?,
    })
}

fn status(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Update> {
    value.needs("event", odd)?;
    Some(Update::Status {
        event: value.word("event", odd)?,
        reason: reason(value, odd),
        category: value.word("message_template_category", odd),
        pause: value
            .object("other_info", "other_info", odd)
            .and_then(|info| info.word("title", odd)),
        disable_at: value
            .object("disable_info", "disable_info", odd)
            .and_then(|info| info.time("disable_date", odd)),
    })
}

/// `NONE` and null both say that there is no reason. `rejection_info.reason` is prose as a rule, so
/// it counts only where it is one of the words, and is no parse_warning where it is not.
fn reason(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<RejectedReason> {
    let told = value
        .word("reason", odd)
        .filter(|reason| *reason != RejectedReason::None);
    told.or_else(|| {
        let info = value.object("rejection_info", "rejection_info", odd)?;
        let reason = RejectedReason::parse(&info.text("reason", odd)?);
        let is_known = !matches!(reason, RejectedReason::None | RejectedReason::Other);
        is_known.then_some(reason)
    })
}
