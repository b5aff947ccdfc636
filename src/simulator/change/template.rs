//! Changes of message templates.

use serde_json::{Value, json};

use super::{ChangeError, PauseReason, SentWebhooks, Style, Webhook, WorldChange, webhook};
use crate::simulator::clock::prose_date;
use crate::simulator::world::{Template, World};

const STATUS_FIELD: &str = "message_template_status_update";
const QUALITY_FIELD: &str = "message_template_quality_update";

/// Applies a change to a template; `None` if the change is about something else.
///
/// One `match`, however long, so that it can be compared with the catalogue.
#[expect(clippy::too_many_lines, reason = "one arm for each change")]
pub(super) fn apply(world: &mut World, change: &WorldChange, now: i64) -> Option<SentWebhooks> {
    Some(match change {
        WorldChange::TemplateCreated {
            waba_id,
            template_id,
            name,
            language,
            category,
        } => {
            let mut template = Template::new(template_id, name);
            template.language.clone_from(language);
            template.category.clone_from(category);
            template.quality_date = now;
            created(world, waba_id, template)
        }
        WorldChange::TemplateEvent { template_id, event } => plain_event(world, template_id, event),
        WorldChange::TemplateRejected {
            template_id,
            reason,
            recommendation,
        } => rejected(world, template_id, reason, recommendation.as_deref()),
        WorldChange::TemplatePaused { template_id, pause } => paused(world, template_id, *pause),
        WorldChange::TemplateUnpaused { template_id } => unpaused(world, template_id),
        WorldChange::TemplateDisabled { template_id } => disabled(world, template_id),
        WorldChange::TemplateDisableAnnounced {
            template_id,
            in_seconds,
            as_prose,
        } => disable_announced(
            world,
            template_id,
            now.saturating_add(*in_seconds),
            *as_prose,
        ),
        WorldChange::TemplateQualityChanged {
            template_id,
            score,
            under_status_field,
        } => {
            let field = if *under_status_field {
                STATUS_FIELD
            } else {
                QUALITY_FIELD
            };
            quality_changed(world, template_id, score, field, now)
        }
        WorldChange::TemplateCategoryAnnounced {
            template_id,
            correct_category,
            in_seconds,
        } => category_announced(
            world,
            template_id,
            correct_category,
            now.saturating_add(*in_seconds),
        ),
        WorldChange::TemplateCategoryChanged {
            template_id,
            category,
        } => category_changed(world, template_id, category),
        WorldChange::TemplateCategoryRestored {
            template_id,
            category,
        } => category_restored(world, template_id, category),
        WorldChange::CorrectCategoryDetected {
            template_id,
            correct_category,
            style,
        } => category_detected(world, template_id, correct_category, *style),
        WorldChange::TemplateComponentsChanged {
            template_id,
            body_text,
        } => components_changed(world, template_id, body_text),
        _ => return None,
    })
}

fn created(world: &mut World, waba_id: &str, mut template: Template) -> SentWebhooks {
    world.account(waba_id)?;
    if world.find_template(&template.id).is_some() {
        return Err(ChangeError::Taken { id: template.id });
    }
    template.status = "PENDING".into();
    let id = template.id.clone();
    world.insert_template(waba_id, template);
    plain_event(world, &id, "PENDING")
}

fn plain_event(world: &mut World, id: &str, event: &str) -> SentWebhooks {
    let template = world.template(id)?;
    template.status = status_after(event, &template.status);
    if template.status == "APPROVED" {
        template.rejected_reason = "NONE".into();
    }
    let webhooks = status_update(template, event, json!({"reason": "NONE"}));
    if event == "DELETED" {
        world.remove_template(id);
    }
    Ok(webhooks)
}

/// The template's `status` after an event. FLAGGED is only an announcement, and a locked template cannot be used.
fn status_after(event: &str, before: &str) -> String {
    match event {
        "REINSTATED" | "UNARCHIVED" | "APPROVED" => "APPROVED",
        "FLAGGED" => before,
        "LOCKED" => "DISABLED",
        other => other,
    }
    .to_owned()
}

fn rejected(
    world: &mut World,
    id: &str,
    reason: &str,
    recommendation: Option<&str>,
) -> SentWebhooks {
    let template = world.template(id)?;
    template.status = "REJECTED".into();
    template.rejected_reason = reason.into();
    let mut value = json!({"reason": reason});
    if let Some(recommendation) = recommendation {
        value["rejection_info"] =
            json!({"reason": "The template breaks a rule.", "recommendation": recommendation});
    }
    Ok(status_update(template, "REJECTED", value))
}

fn paused(world: &mut World, id: &str, pause: PauseReason) -> SentWebhooks {
    let (title, description) = match pause {
        PauseReason::First => ("FIRST_PAUSE", "Paused for 3 hours."),
        PauseReason::Second => ("SECOND_PAUSE", "Paused for 6 hours."),
        PauseReason::RateLimiting => (
            "RATE_LIMITING_PAUSE",
            "Paused because of its rate of messages.",
        ),
    };
    let template = world.template(id)?;
    template.status = "PAUSED".into();
    Ok(titled_update(template, "PAUSED", title, description))
}

fn unpaused(world: &mut World, id: &str) -> SentWebhooks {
    let template = world.template(id)?;
    template.status = "APPROVED".into();
    Ok(titled_update(
        template,
        "APPROVED",
        "UNPAUSE",
        "The pause is over.",
    ))
}

fn disabled(world: &mut World, id: &str) -> SentWebhooks {
    let template = world.template(id)?;
    template.status = "DISABLED".into();
    Ok(titled_update(
        template,
        "DISABLED",
        "DISABLED",
        "Disabled after repeated low quality.",
    ))
}

fn disable_announced(world: &mut World, id: &str, disable_at: i64, as_prose: bool) -> SentWebhooks {
    let template = world.template(id)?;
    let date = if as_prose {
        json!(prose_date(disable_at))
    } else {
        json!(disable_at)
    };
    let value = json!({"reason": null, "disable_info": {"disable_date": date}});
    Ok(status_update(template, "FLAGGED", value))
}

fn quality_changed(
    world: &mut World,
    id: &str,
    score: &str,
    field: &str,
    now: i64,
) -> SentWebhooks {
    let template = world.template(id)?;
    let mut value = identity(template);
    value["previous_quality_score"] = template.quality_score.as_str().into();
    value["new_quality_score"] = score.into();
    score.clone_into(&mut template.quality_score);
    template.quality_date = now;
    Ok(webhook(&template.waba_id, field, value))
}

/// In this form of the webhook, `new_category` is the *current* category, according to Meta's page on
/// `template_category_update`.
fn category_announced(
    world: &mut World,
    id: &str,
    correct_category: &str,
    at: i64,
) -> SentWebhooks {
    let template = world.template(id)?;
    template.correct_category = Some(correct_category.to_owned());
    let mut value = identity(template);
    value["new_category"] = template.category.as_str().into();
    value["correct_category"] = correct_category.into();
    value["category_update_timestamp"] = at.into();
    Ok(webhook(
        &template.waba_id,
        "template_category_update",
        value,
    ))
}

fn category_changed(world: &mut World, id: &str, category: &str) -> SentWebhooks {
    let template = world.template(id)?;
    let before = std::mem::replace(&mut template.category, category.to_owned());
    template.correct_category = None;
    let mut value = identity(template);
    value["previous_category"] = before.as_str().into();
    value["new_category"] = category.into();
    template.previous_category = Some(before);
    Ok(webhook(
        &template.waba_id,
        "template_category_update",
        value,
    ))
}

fn category_restored(world: &mut World, id: &str, category: &str) -> SentWebhooks {
    let template = world.template(id)?;
    category.clone_into(&mut template.category);
    template.previous_category = None;
    template.correct_category = None;
    Ok(Vec::new())
}

fn category_detected(
    world: &mut World,
    id: &str,
    correct_category: &str,
    style: Style,
) -> SentWebhooks {
    let template = world.template(id)?;
    let (present_key, correct_key) = match style {
        Style::Old => ("current_category", "suggested_category"),
        Style::New => ("category", "correct_category"),
    };
    let mut value = identity(template);
    value[present_key] = template.category.as_str().into();
    value[correct_key] = correct_category.into();
    Ok(webhook(
        &template.waba_id,
        "template_correct_category_detection",
        value,
    ))
}

fn components_changed(world: &mut World, id: &str, body_text: &str) -> SentWebhooks {
    let template = world.template(id)?;
    body_text.clone_into(&mut template.body_text);
    let mut value = identity(template);
    value["message_template_element"] = body_text.into();
    value["message_template_footer"] = "Reply STOP to end these messages.".into();
    value["message_template_buttons"] = json!([{
        "message_template_button_type": "URL",
        "message_template_button_text": "Open",
        "message_template_button_url": "https://example.org/a",
    }]);
    Ok(webhook(
        &template.waba_id,
        "message_template_components_update",
        value,
    ))
}

fn titled_update(template: &Template, event: &str, title: &str, description: &str) -> Vec<Webhook> {
    let value = json!({
        "reason": null,
        "message_template_category": template.category,
        "other_info": {"title": title, "description": description},
    });
    status_update(template, event, value)
}

fn status_update(template: &Template, event: &str, details: Value) -> Vec<Webhook> {
    let mut value = identity(template);
    value["event"] = event.into();
    if let (Some(value), Value::Object(details)) = (value.as_object_mut(), details) {
        value.extend(details);
    }
    webhook(&template.waba_id, STATUS_FIELD, value)
}

/// The keys that every template webhook has. The id is a number here, although the Graph API returns text.
fn identity(template: &Template) -> Value {
    let id = template
        .id
        .parse::<u64>()
        .map_or_else(|_| json!(template.id), |number| json!(number));
    json!({
        "message_template_id": id,
        "message_template_name": template.name,
        "message_template_language": template.language,
    })
}
