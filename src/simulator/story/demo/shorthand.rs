//! Short functions for the changes of the story, so that its acts read like tables.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::cast::*;
use crate::simulator::change::{PauseReason, RestrictionNotice, Style, WorldChange};
use crate::simulator::clock::DAY_SECONDS;
use crate::simulator::story::Beat;
use crate::simulator::webhooks::Travel;
use crate::simulator::world::Template;

/// The announced length of the restriction; a later beat of the story lifts it.
const RESTRICTION_SECONDS: i64 = 30;

pub(super) fn beat(
    seconds: u64,
    line: impl Into<String>,
    changes: impl Into<Vec<WorldChange>>,
) -> Beat {
    Beat {
        at: Duration::from_secs(seconds),
        line: line.into(),
        changes: changes.into(),
        travel: Travel::Sent,
    }
}

impl Beat {
    pub(super) fn travelling(mut self, travel: Travel) -> Self {
        self.travel = travel;
        self
    }
}

pub(super) fn rating(phone_number_id: &str, quality_rating: &str) -> WorldChange {
    WorldChange::QualityRatingChanged {
        phone_number_id: phone_number_id.into(),
        quality_rating: quality_rating.into(),
    }
}

pub(super) fn status(phone_number_id: &str, status: &str) -> WorldChange {
    WorldChange::NumberStatusChanged {
        phone_number_id: phone_number_id.into(),
        status: status.into(),
    }
}

pub(super) fn health(id: &str, can_send_message: &str, explanation: &str) -> WorldChange {
    WorldChange::HealthChanged {
        id: id.into(),
        can_send_message: can_send_message.into(),
        explanation: explanation.into(),
    }
}

pub(super) fn quality(template_id: &str, score: &str) -> WorldChange {
    WorldChange::TemplateQualityChanged {
        template_id: template_id.into(),
        score: score.into(),
        under_status_field: false,
    }
}

pub(super) fn paused(template_id: &str, pause: PauseReason) -> WorldChange {
    WorldChange::TemplatePaused {
        template_id: template_id.into(),
        pause,
    }
}

pub(super) fn event(template_id: &str, event: &str) -> WorldChange {
    WorldChange::TemplateEvent {
        template_id: template_id.into(),
        event: event.into(),
    }
}

pub(super) fn components(template: &Template, body_text: &str) -> WorldChange {
    WorldChange::TemplateComponentsChanged {
        template_id: template.id.clone(),
        body_text: body_text.into(),
    }
}

pub(super) fn category_detected(template: &Template) -> WorldChange {
    let correct_category = other_category(template).into();
    WorldChange::CorrectCategoryDetected {
        template_id: template.id.clone(),
        correct_category,
        style: Style::New,
    }
}

pub(super) fn disable_announced(template: &Template) -> WorldChange {
    WorldChange::TemplateDisableAnnounced {
        template_id: template.id.clone(),
        in_seconds: 5 * DAY_SECONDS,
        as_prose: false,
    }
}

pub(super) fn other_category(template: &Template) -> &'static str {
    if template.category == "UTILITY" {
        "MARKETING"
    } else {
        "UTILITY"
    }
}

pub(super) fn name_decision(decision: &str, rejection_reason: Option<&str>) -> WorldChange {
    let asked = if decision == "APPROVED" {
        "Café Lumière Réservations"
    } else {
        "Lumière & Friends"
    };
    WorldChange::NameDecided {
        phone_number_id: CAFE_TABLES.into(),
        decision: decision.into(),
        requested_verified_name: asked.into(),
        rejection_reason: rejection_reason.map(str::to_owned),
    }
}

pub(super) fn code_verification(status: &str) -> WorldChange {
    WorldChange::CodeVerificationChanged {
        phone_number_id: BAKERY_CATERING.into(),
        status: status.into(),
    }
}

pub(super) fn calling_blocked(is_blocked: bool) -> WorldChange {
    WorldChange::CallingBlocked {
        phone_number_id: GARDEN_SERVICE.into(),
        is_blocked,
    }
}

pub(super) fn new_limit(limit: &str) -> WorldChange {
    WorldChange::NumberLimitChanged {
        phone_number_id: GARDEN_ORDERS.into(),
        limit: limit.into(),
        style: Style::New,
    }
}

pub(super) fn capability(waba_id: &str, limit: &str, style: Style) -> WorldChange {
    WorldChange::BusinessCapabilityUpdated {
        waba_id: waba_id.into(),
        limit: limit.into(),
        phone_numbers: 25,
        style,
    }
}

pub(super) fn banned(ban_state: &str, days: i64) -> WorldChange {
    WorldChange::AccountBanChanged {
        waba_id: CAFE.into(),
        ban_state: ban_state.into(),
        in_seconds: days * DAY_SECONDS,
        as_list: false,
    }
}

pub(super) fn restricted() -> WorldChange {
    let notice = |restriction_type: &str| RestrictionNotice {
        restriction_type: restriction_type.into(),
        in_seconds: Some(RESTRICTION_SECONDS),
        as_text: false,
    };
    WorldChange::AccountRestricted {
        waba_id: BAKERY.into(),
        restrictions: vec![
            notice("RESTRICTED_BIZ_INITIATED_MESSAGING"),
            notice("RESTRICTED_ADD_PHONE_NUMBER_ACTION"),
        ],
        as_single_object: false,
    }
}

pub(super) fn alert(
    waba_id: &str,
    entity_id: &str,
    severity: &str,
    alert_type: &str,
) -> WorldChange {
    let entity_type = if waba_id == entity_id {
        "BUSINESS"
    } else {
        "PHONE_NUMBER"
    };
    WorldChange::AccountAlert {
        waba_id: waba_id.into(),
        entity_type: entity_type.into(),
        entity_id: entity_id.into(),
        severity: severity.into(),
        status: "ACTIVE".into(),
        alert_type: alert_type.into(),
        is_flat: false,
    }
}

pub(super) fn account_event(waba_id: &str, event: &str, details: Value) -> WorldChange {
    let details = match details {
        Value::Object(details) => details,
        _ => Map::new(),
    };
    WorldChange::AccountEvent {
        waba_id: waba_id.into(),
        event: event.into(),
        details,
    }
}

pub(super) fn webhook_only(entry_id: &str, field: &str, value: Value) -> WorldChange {
    WorldChange::WebhookOnly {
        entry_id: entry_id.into(),
        field: field.into(),
        value,
    }
}

pub(super) fn forged() -> WorldChange {
    let ban_info = json!({"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"});
    webhook_only(
        GARDEN,
        "account_update",
        json!({"event": "DISABLED_UPDATE", "ban_info": ban_info}),
    )
}
