//! Webhook fields about accounts, phone numbers and templates.

use whatsapp_business_exporter::domain::{
    DisplayDigits, Fact, FlowId, MessagingLimit, QualityRating, TemplateId, Timestamp,
    WebhookField, Word as _, account, number, template,
};

use super::json::{Reading, first_object, objects, word};

type Read = fn(&mut Reading<'_>) -> Option<Fact>;

pub(super) fn reader(field: WebhookField) -> Option<Read> {
    Some(match field {
        WebhookField::AccountAlerts => alert,
        WebhookField::AccountReviewUpdate => |value| {
            Some(Fact::Account(account::Update::Review(
                value.word("decision")?,
            )))
        },
        WebhookField::AccountUpdate => update,
        WebhookField::BusinessCapabilityUpdate => capability,
        WebhookField::MessageTemplateQualityUpdate | WebhookField::MessageTemplateStatusUpdate => {
            template_state
        }
        WebhookField::PartnerSolutions => |_| Some(Fact::Unwatched),
        WebhookField::PhoneNumberNameUpdate => |value| {
            let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
            let update = number::Update::Name(number::NameReview {
                decision: value.word("decision")?,
                rejection_reason: value
                    .word("rejection_reason")
                    .filter(|reason| *reason != number::NameRejectionReason::None),
            });
            Some(Fact::Number(number::WebhookUpdate { digits, update }))
        },
        WebhookField::PhoneNumberQualityUpdate => number_quality,
        WebhookField::Security => |value| {
            let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
            let update = number::Update::Security(value.word("event")?);
            Some(Fact::Number(number::WebhookUpdate { digits, update }))
        },
        WebhookField::Flows => |value| {
            let event = value.word("event")?;
            if !value.has("alert_state") {
                return Some(Fact::Unwatched);
            }
            Some(Fact::Account(account::Update::Flow {
                flow_id: FlowId::parse(&value.text("flow_id")?)?,
                event,
                state: value.word("alert_state")?,
            }))
        },
        // Facts about groups contain only a hash of the group, so they are not compared.
        WebhookField::GroupStatusUpdate => |value| {
            value.is_sure = false;
            Some(Fact::Unwatched)
        },
        WebhookField::TemplateCategoryUpdate => category,
        WebhookField::TemplateCorrectCategoryDetection => |value| {
            let identity = identity(value)?;
            let suggested = value.has("suggested_category");
            let key = if suggested {
                "suggested_category"
            } else {
                "correct_category"
            };
            let update = template::Update::CategoryDetected {
                correct: value.word(key)?,
            };
            Some(Fact::Template(template::WebhookUpdate { identity, update }))
        },
        _ => return None,
    })
}

fn alert(value: &mut Reading<'_>) -> Option<Fact> {
    let both = |info: &mut Reading<'_>| {
        let severity = info
            .word("alert_severity")
            .unwrap_or(account::AlertSeverity::Other);
        Some(account::Update::Alert {
            alert: info.word("alert_type")?,
            severity,
        })
    };
    // Without the object `alert_info`, its words are in the value itself.
    let update = if first_object(value.object.get("alert_info")).is_some() {
        value.within("alert_info", both)
    } else {
        both(value)
    };
    update.map(Fact::Account)
}

pub(super) fn update(value: &mut Reading<'_>) -> Option<Fact> {
    let event = value.word("event")?;
    let ban = value.within("ban_info", |info| {
        let state = info.object.get("waba_ban_state")?;
        let state = state.as_array().map_or(Some(state), |list| list.last());
        Some(account::Ban {
            state: word(state?)?,
            date: info.time("waba_ban_date").filter(is_plausible_end),
        })
    });
    let mut restrictions = Vec::new();
    for info in objects(value.object.get("restriction_info")) {
        let mut info = Reading {
            object: info,
            is_sure: true,
        };
        if let Some(kind) = info.word("restriction_type") {
            restrictions.push(account::Restriction {
                kind,
                expires_at: info.time("expiration").filter(is_plausible_end),
            });
        }
        value.is_sure &= info.is_sure;
    }
    Some(Fact::Account(account::Update::AccountUpdate {
        event,
        digits: value
            .text("phone_number")
            .and_then(|text| DisplayDigits::parse(&text)),
        ban,
        restrictions,
        violation: value.within("violation_info", violation),
        disconnection: first_object(value.object.get("disconnection_info"))
            .is_some()
            .then(|| account::Disconnection {
                reason: value.within("disconnection_info", |info| info.word("reason")),
                initiated_by: value.within("disconnection_info", |info| info.word("initiated_by")),
            }),
    }))
}

fn violation(info: &mut Reading<'_>) -> Option<account::Violation> {
    let mut kind: account::ViolationType = info.word("violation_type")?;
    if kind.is_other() {
        kind = account::ViolationType::from_unknown(&info.short("violation_type")?);
    }
    let remediation = info.short("remediation").filter(|text| !text.is_empty());
    Some(account::Violation { kind, remediation })
}

/// A penalty has no end if its end is before 2009, when WhatsApp began, or after 2099.
fn is_plausible_end(end: &Timestamp) -> bool {
    (1_230_768_000_000..4_102_444_800_000).contains(&end.as_millis())
}

fn capability(value: &mut Reading<'_>) -> Option<Fact> {
    let count = |key: &str| value.text(key).and_then(|text| text.parse().ok());
    let phone_numbers_limit: Option<u64> =
        count("max_phone_numbers_per_waba").or_else(|| count("max_phone_numbers_per_business"));
    let messaging_limit = daily_limit(value);
    if messaging_limit.is_none() && phone_numbers_limit.is_none() {
        return None;
    }
    Some(Fact::Account(account::Update::Capability {
        messaging_limit,
        phone_numbers_limit,
    }))
}

fn daily_limit(value: &Reading<'_>) -> Option<MessagingLimit> {
    let of_business = value.limit("max_daily_conversations_per_business");
    of_business.or_else(|| value.limit("max_daily_conversation_per_phone"))
}

fn number_quality(value: &mut Reading<'_>) -> Option<Fact> {
    let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
    let event = value.word("event")?;
    // With a throughput upgrade, they are levels of throughput. With an unknown event, their meaning is unknown.
    let are_limits = ![
        number::QualityEventKind::ThroughputUpgrade,
        number::QualityEventKind::Other,
    ]
    .contains(&event);
    let limit = |key| value.limit(key).filter(|_| are_limits);
    let update = number::Update::Quality {
        event,
        old_limit: limit("old_limit"),
        current_limit: daily_limit(value).or_else(|| limit("current_limit")),
    };
    Some(Fact::Number(number::WebhookUpdate { digits, update }))
}

fn identity(value: &Reading<'_>) -> Option<template::Identity> {
    let language = value.short("message_template_language");
    Some(template::Identity {
        id: TemplateId::parse(&value.text("message_template_id")?)?,
        name: value.short("message_template_name").map(Into::into),
        language: language.map(|language| language.replace('-', "_").into()),
    })
}

fn template_state(value: &mut Reading<'_>) -> Option<Fact> {
    let identity = identity(value)?;
    let update = if value.has("new_quality_score") && !value.has("event") {
        let new: QualityRating = value.word("new_quality_score")?;
        template::Update::Quality {
            previous: value.word("previous_quality_score"),
            new,
        }
    } else {
        template::Update::Status {
            event: value.word("event")?,
            reason: reason(value),
            category: value.word("message_template_category"),
            pause: value.within("other_info", |info| info.word("title")),
            disable_at: value.within("disable_info", |info| info.time("disable_date")),
        }
    };
    Some(Fact::Template(template::WebhookUpdate { identity, update }))
}

/// A text in `rejection_info` counts only if it is a known word.
fn reason(value: &mut Reading<'_>) -> Option<template::RejectedReason> {
    let word: Option<template::RejectedReason> = value.word("reason");
    if let Some(word) = word.filter(|word| *word != template::RejectedReason::None) {
        return Some(word);
    }
    let prose = value.within("rejection_info", |info| info.text("reason"))?;
    let known = template::RejectedReason::parse(&prose);
    (known != template::RejectedReason::None && !known.is_other()).then_some(known)
}

fn category(value: &mut Reading<'_>) -> Option<Fact> {
    let identity = identity(value)?;
    let update = if value.has("correct_category") && !value.has("previous_category") {
        template::Update::CategoryAnnounced {
            present: value.word("new_category"),
            coming: value.word("correct_category")?,
            at: value.time("category_update_timestamp"),
        }
    } else {
        template::Update::CategoryChanged {
            previous: value.word("previous_category"),
            new: value.word("new_category")?,
        }
    };
    Some(Fact::Template(template::WebhookUpdate { identity, update }))
}
