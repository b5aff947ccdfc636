//! Act one: ratings fall, numbers are flagged, a template is rejected.

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::{PauseReason, WorldChange};
use crate::simulator::clock::DAY_SECONDS;
use crate::simulator::story::Beat;

/// One list, however long, so that the story can be read in its order.
#[expect(
    clippy::too_many_lines,
    reason = "the beats of this part of the story, in their order"
)]
pub(super) fn beats(cast: &Cast) -> Vec<Beat> {
    let sinking = &cast.sinking.id;
    vec![
        beat(
            1,
            "Fern & Moss Advice is onboarded again",
            [WorldChange::NumberOnboarded {
                phone_number_id: GARDEN_ADVICE.into(),
            }],
        ),
        beat(
            2,
            "The rating of Fern & Moss Service falls to YELLOW; no webhook reports it, only a poll can find it",
            [rating(GARDEN_SERVICE, "YELLOW")],
        ),
        beat(
            3,
            format!("Template {} falls to YELLOW", cast.sinking.name),
            [quality(sinking, "YELLOW")],
        ),
        beat(
            4,
            "The bakery's rating at the shop falls to RED and the number is FLAGGED",
            [WorldChange::NumberFlagged {
                phone_number_id: BAKERY_SHOP.into(),
            }],
        ),
        beat(
            5,
            "Café Lumière gets an alert: its number does not become an official account",
            [alert(CAFE, CAFE_TABLES, "CRITICAL", "OBA_REJECTED")],
        ),
        beat(
            6,
            format!("Template {} falls to RED", cast.sinking.name),
            [quality(sinking, "RED")],
        ),
        beat(
            7,
            format!(
                "Template {} is paused for the first time",
                cast.sinking.name
            ),
            [paused(sinking, PauseReason::First)],
        ),
        beat(
            13,
            "Fern & Moss Service falls to RED and is FLAGGED",
            [WorldChange::NumberFlagged {
                phone_number_id: GARDEN_SERVICE.into(),
            }],
        ),
        beat(
            9,
            "Fern & Moss submits a new template",
            [WorldChange::TemplateCreated {
                waba_id: GARDEN.into(),
                template_id: NEW_TEMPLATE.into(),
                name: "winter_offer".into(),
                language: "en_US".into(),
                category: "MARKETING".into(),
            }],
        ),
        beat(
            10,
            "Café Lumière asks for a new display name",
            [name_decision("PENDING", None)],
        ),
        beat(
            11,
            "Template winter_offer is rejected",
            [WorldChange::TemplateRejected {
                template_id: NEW_TEMPLATE.into(),
                reason: "INVALID_FORMAT".into(),
                recommendation: Some("Number the placeholders from 1.".into()),
            }],
        ),
        beat(
            12,
            format!(
                "Meta announces that template {} will become {} in a week",
                cast.recategorised.name,
                other_category(&cast.recategorised)
            ),
            [WorldChange::TemplateCategoryAnnounced {
                template_id: cast.recategorised.id.clone(),
                correct_category: other_category(&cast.recategorised).into(),
                in_seconds: 7 * DAY_SECONDS,
            }],
        ),
        beat(
            14,
            "Café Lumière Événements is rate limited, its health LIMITED; no webhook reports it",
            [
                status(CAFE_EVENTS, "RATE_LIMITED"),
                health(CAFE_EVENTS, "LIMITED", "Too many messages in a short time."),
            ],
        ),
        beat(
            15,
            "The access token will end in three days",
            [WorldChange::TokenExpiring {
                in_seconds: 3 * DAY_SECONDS,
            }],
        ),
    ]
}
