//! Expected results of the fixtures about message templates.

use super::{Expected, one_event, unwatched_event};
use crate::domain::template::{
    Category, EventKind, Identity, PauseTitle, RejectedReason, Update, WebhookUpdate,
};
use crate::domain::{Fact, QualityRating, TemplateId, Timestamp};

/// The future time in all of the fixtures' announcements.
const COMING: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn about(language: &str, update: Update) -> Fact {
    named("spring_offer", language, update)
}

fn named(name: &str, language: &str, update: Update) -> Fact {
    let identity = Identity {
        id: TemplateId::parse("7001002003004005").expect("an id"),
        name: Some(name.into()),
        language: Some(language.into()),
    };
    Fact::Template(WebhookUpdate { identity, update })
}

fn status_update(event: EventKind) -> Update {
    Update::Status {
        event,
        reason: None,
        category: None,
        pause: None,
        disable_at: None,
    }
}

/// A status event in `en_US` without further fields.
fn status(event: EventKind) -> Fact {
    about("en_US", status_update(event))
}

fn in_category(event: EventKind, its_category: Category) -> Fact {
    let mut update = status_update(event);
    if let Update::Status { category, .. } = &mut update {
        *category = Some(its_category);
    }
    about("en_US", update)
}

fn titled(event: EventKind, title: PauseTitle) -> Fact {
    let mut update = status_update(event);
    if let Update::Status { pause, .. } = &mut update {
        *pause = Some(title);
    }
    about("en_US", update)
}

fn rejected(language: &str, why: RejectedReason) -> Fact {
    let mut update = status_update(EventKind::Rejected);
    if let Update::Status { reason, .. } = &mut update {
        *reason = Some(why);
    }
    about(language, update)
}

fn quality(previous: QualityRating, new: QualityRating) -> Fact {
    let previous = Some(previous);
    about("en_US", Update::Quality { previous, new })
}

pub fn expectations() -> Vec<Expected> {
    let mut all = pauses_and_notices();
    all.extend(rejections());
    all.extend(other_statuses());
    all.extend(qualities());
    all.extend(categories());
    all
}

fn pauses_and_notices() -> Vec<Expected> {
    let paused_marketing = Update::Status {
        event: EventKind::Paused,
        reason: None,
        category: Some(Category::Marketing),
        pause: Some(PauseTitle::FirstPause),
        disable_at: None,
    };
    let flagged = Update::Status {
        event: EventKind::Flagged,
        reason: None,
        category: None,
        pause: None,
        disable_at: Some(COMING),
    };
    let disabled = Update::Status {
        event: EventKind::Disabled,
        reason: None,
        category: None,
        pause: Some(PauseTitle::Disabled),
        // 2026-01-31, which Meta wrote in prose.
        disable_at: Some(Timestamp::from_seconds(1_769_817_600)),
    };
    vec![
        one_event(
            "message_template_status_update_paused",
            about("en_US", paused_marketing),
        ),
        one_event(
            "message_template_status_update_paused_second",
            titled(EventKind::Paused, PauseTitle::SecondPause),
        ),
        one_event(
            "message_template_status_update_paused_rate_limiting",
            titled(EventKind::Paused, PauseTitle::RateLimitingPause),
        ),
        one_event(
            "message_template_status_update_paused_lower_case",
            status(EventKind::Paused),
        ),
        one_event(
            "message_template_status_update_unpaused",
            titled(EventKind::Approved, PauseTitle::Unpause),
        ),
        one_event(
            "message_template_status_update_flagged",
            about("en", flagged),
        ),
        one_event(
            "message_template_status_update_disabled",
            about("en_US", disabled),
        ),
        one_event(
            "message_template_status_update_bad_disable_date",
            status(EventKind::Flagged),
        )
        .warnings(&["disable_info.disable_date!"]),
    ]
}

fn rejections() -> Vec<Expected> {
    vec![
        one_event(
            "message_template_status_update_rejected",
            rejected("en_US", RejectedReason::InvalidFormat),
        ),
        one_event(
            "message_template_status_update_rejected_info_outside",
            rejected("en_US", RejectedReason::Scam),
        ),
        one_event(
            "message_template_status_update_rejected_info_word",
            rejected("en_US", RejectedReason::TagContentMismatch),
        ),
        one_event(
            "message_template_status_update_rejected_info_prose",
            status(EventKind::Rejected),
        ),
        one_event(
            "message_template_status_update_rejected_unknown_reason",
            rejected("en_US", RejectedReason::Other),
        )
        .warnings(&["message_template_status_update.reason=TOO_GREEN"]),
    ]
}

#[expect(
    clippy::too_many_lines,
    reason = "a payload of each kind, with what is read from it"
)]
fn other_statuses() -> Vec<Expected> {
    vec![
        one_event(
            "message_template_status_update_approved",
            in_category(EventKind::Approved, Category::Utility),
        ),
        one_event(
            "message_template_status_update_approved_no_reason",
            status(EventKind::Approved),
        ),
        one_event(
            "message_template_status_update_id_as_text",
            status(EventKind::Approved),
        ),
        one_event(
            "message_template_status_update_archived",
            status(EventKind::Archived),
        ),
        one_event(
            "message_template_status_update_unarchived",
            status(EventKind::Unarchived),
        ),
        one_event(
            "message_template_status_update_deleted",
            status(EventKind::Deleted),
        ),
        one_event(
            "message_template_status_update_in_appeal",
            status(EventKind::InAppeal),
        ),
        one_event(
            "message_template_status_update_limit_exceeded",
            status(EventKind::LimitExceeded),
        ),
        one_event(
            "message_template_status_update_locked",
            status(EventKind::Locked),
        ),
        one_event(
            "message_template_status_update_pending",
            status(EventKind::Pending),
        ),
        one_event(
            "message_template_status_update_pending_deletion",
            status(EventKind::PendingDeletion),
        ),
        one_event(
            "message_template_status_update_reinstated",
            status(EventKind::Reinstated),
        ),
        one_event(
            "message_template_status_update_unknown_event",
            status(EventKind::Other),
        )
        .warnings(&["message_template_status_update.event=EVAPORATED"]),
        one_event(
            "message_template_status_update_unknown_category",
            in_category(EventKind::Approved, Category::Other),
        )
        .warnings(&["message_template_status_update.message_template_category=ISSUE_RESOLUTION"]),
        unwatched_event("message_template_status_update_no_id")
            .warnings(&["message_template_status_update.message_template_id!"]),
        one_event(
            "message_template_quality_update_status_payload",
            status(EventKind::Approved),
        ),
        one_event(
            "envelope_escaped_unicode",
            named(
                "frühling/@home",
                "de_DE",
                status_update(EventKind::Approved),
            ),
        ),
    ]
}

fn qualities() -> Vec<Expected> {
    use QualityRating::{Green, Other, Red, Unknown, Yellow};
    vec![
        one_event("message_template_quality_update_red", quality(Yellow, Red)),
        one_event(
            "message_template_quality_update_unknown_score",
            quality(Yellow, Other),
        )
        .warnings(&["message_template_quality_update.new_quality_score=ULTRAVIOLET"]),
        one_event(
            "message_template_status_update_quality_payload",
            quality(Unknown, Green),
        ),
    ]
}

fn categories() -> Vec<Expected> {
    let announced = Update::CategoryAnnounced {
        present: Some(Category::Utility),
        coming: Category::Marketing,
        at: Some(COMING),
    };
    let changed = Update::CategoryChanged {
        previous: Some(Category::Utility),
        new: Category::Marketing,
    };
    let detected = Update::CategoryDetected {
        correct: Category::Marketing,
    };
    vec![
        one_event(
            "template_category_update_announced",
            about("en_US", announced.clone()),
        ),
        one_event(
            "template_category_update_announced_text_time",
            about("en_US", announced),
        ),
        one_event("template_category_update_done", about("en_US", changed)),
        unwatched_event("template_category_update_neither")
            .warnings(&["template_category_update.new_category!"]),
        one_event(
            "template_correct_category_detection_correct",
            about("en_US", detected.clone()),
        ),
        one_event(
            "template_correct_category_detection_suggested",
            about("en_US", detected),
        ),
    ]
}
