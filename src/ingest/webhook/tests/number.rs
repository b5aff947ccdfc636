//! Expected results of the fixtures about phone numbers.

use super::{
    ACCOUNT, Expected, RECEIVED_AT_WHOLE_SECONDS, SENT_AT, digits, one_event, unwatched_event,
};
use crate::domain::number::{
    GroupStatus, NameDecision, NameRejectionReason, NameReview, QualityEventKind as Event,
    SecurityEventKind, Update, WebhookUpdate,
};
use crate::domain::{Fact, MessagingLimit};
use crate::ingest::key::delivery_key;

fn about_number(update: Update) -> Fact {
    let digits = digits();
    Fact::Number(WebhookUpdate { digits, update })
}

fn quality(event: Event, limits: (Option<u64>, Option<u64>)) -> Fact {
    about_number(Update::Quality {
        event,
        old_limit: limits.0.map(MessagingLimit::Customers),
        current_limit: limits.1.map(MessagingLimit::Customers),
    })
}

fn unlimited(event: Event) -> Fact {
    about_number(Update::Quality {
        event,
        old_limit: None,
        current_limit: Some(MessagingLimit::Unlimited),
    })
}

fn name(decision: NameDecision) -> Fact {
    about_number(Update::Name(NameReview {
        decision,
        rejection_reason: None,
    }))
}

fn reviewed(decision: NameDecision, reason: NameRejectionReason) -> Fact {
    about_number(Update::Name(NameReview {
        decision,
        rejection_reason: Some(reason),
    }))
}

fn rejected(reason: NameRejectionReason) -> Fact {
    reviewed(NameDecision::Rejected, reason)
}

fn groups(groups: &[(&str, bool)]) -> Fact {
    let status = |(id, is_suspended): &(&str, bool)| GroupStatus {
        group: delivery_key("", "", "group", id),
        is_suspended: *is_suspended,
    };
    about_number(Update::Groups(groups.iter().map(status).collect()))
}

fn security_and_groups() -> Vec<Expected> {
    let security = |event| about_number(Update::Security(event));
    vec![
        one_event(
            "security_pin_changed",
            security(SecurityEventKind::PinChanged),
        ),
        one_event(
            "security_pin_reset_request",
            security(SecurityEventKind::PinResetRequest),
        ),
        one_event("security_unknown_event", security(SecurityEventKind::Other))
            .warnings(&["security.event=PIN_GUESSED"]),
        unwatched_event("security_no_event").warnings(&["security.event!"]),
        // Each group has its own time; a time after the receipt is the receipt's.
        one_event("group_status_update_suspend", groups(&[("g1", true)]))
            .at(RECEIVED_AT_WHOLE_SECONDS),
        Expected {
            fixture: "group_status_update_cleared",
            events: vec![
                (ACCOUNT, SENT_AT - 100, groups(&[("g1", false)])),
                (ACCOUNT, SENT_AT - 60, groups(&[("2", true)])),
            ],
            warnings: &[],
        },
        unwatched_event("group_status_update_odd_elements")
            .at(RECEIVED_AT_WHOLE_SECONDS)
            .warnings(&[
                "group_status_update.groups!",
                "groups.type=group_sang",
                "groups.group_id!",
            ]),
    ]
}

pub fn expectations() -> Vec<Expected> {
    let mut all = quality_updates();
    all.extend(spellings_of_a_limit());
    all.extend(name_updates());
    all.extend(security_and_groups());
    all
}

fn quality_updates() -> Vec<Expected> {
    vec![
        one_event(
            "phone_number_quality_update_flagged",
            quality(Event::Flagged, (None, Some(10_000))),
        ),
        one_event(
            "phone_number_quality_update_unflagged",
            quality(Event::Unflagged, (None, Some(10_000))),
        ),
        one_event(
            "phone_number_quality_update_downgrade",
            quality(Event::Downgrade, (Some(10_000), Some(1_000))),
        ),
        one_event(
            "phone_number_quality_update_upgrade",
            quality(Event::Upgrade, (Some(1_000), Some(10_000))),
        ),
        one_event(
            "phone_number_quality_update_onboarding",
            quality(Event::Onboarding, (None, Some(250))),
        ),
        one_event(
            "phone_number_quality_update_onboarding_not_set",
            quality(Event::Onboarding, (None, None)),
        ),
        one_event(
            "phone_number_quality_update_throughput_upgrade",
            unlimited(Event::ThroughputUpgrade),
        ),
        // Its `current_limit` is a throughput level.
        one_event(
            "phone_number_quality_update_throughput_upgrade_level_only",
            quality(Event::ThroughputUpgrade, (None, None)),
        ),
        one_event(
            "phone_number_quality_update_unknown_event",
            quality(Event::Other, (None, None)),
        )
        .warnings(&["phone_number_quality_update.event=SUPERVISED"]),
        one_event(
            "phone_number_quality_update_plus_and_dashes",
            quality(Event::Flagged, (None, None)),
        ),
        one_event(
            "phone_number_quality_update_plus_and_spaces",
            quality(Event::Flagged, (None, None)),
        ),
        unwatched_event("phone_number_quality_update_no_number")
            .warnings(&["phone_number_quality_update.display_phone_number!"]),
        unwatched_event("phone_number_quality_update_no_event")
            .warnings(&["phone_number_quality_update.event!"]),
    ]
}

fn spellings_of_a_limit() -> Vec<Expected> {
    vec![
        one_event(
            "phone_number_quality_update_limit_as_number",
            quality(Event::Upgrade, (None, Some(10_000))),
        ),
        one_event(
            "phone_number_quality_update_limit_as_numeric_text",
            quality(Event::Upgrade, (None, Some(100_000))),
        ),
        one_event(
            "phone_number_quality_update_limit_minus_one",
            unlimited(Event::Upgrade),
        ),
        one_event(
            "phone_number_quality_update_limit_tier_2k",
            quality(Event::Upgrade, (None, Some(2_000))),
        ),
        one_event(
            "phone_number_quality_update_limit_old_name",
            quality(Event::Upgrade, (None, Some(10_000))),
        ),
        one_event(
            "phone_number_quality_update_limit_unknown",
            quality(Event::Upgrade, (None, Some(10_000))),
        )
        .warnings(&["phone_number_quality_update.max_daily_conversations_per_business=TIER_HUGE"]),
    ]
}

fn name_updates() -> Vec<Expected> {
    vec![
        one_event(
            "phone_number_name_update_approved",
            name(NameDecision::Approved),
        ),
        one_event(
            "phone_number_name_update_deferred",
            name(NameDecision::Deferred),
        ),
        one_event(
            "phone_number_name_update_pending",
            reviewed(NameDecision::Pending, NameRejectionReason::Unknown),
        ),
        one_event(
            "phone_number_name_update_rejected",
            rejected(NameRejectionReason::NotConsistent),
        ),
        one_event(
            "phone_number_name_update_rejected_no_reason",
            name(NameDecision::Rejected),
        ),
        one_event(
            "phone_number_name_update_rejected_unknown_reason",
            rejected(NameRejectionReason::Other),
        )
        .warnings(&["phone_number_name_update.rejection_reason=NAME_TOO_FUNNY"]),
        one_event(
            "phone_number_name_update_unknown_decision",
            name(NameDecision::Other),
        )
        .warnings(&["phone_number_name_update.decision=CONSIDERED"]),
    ]
}
