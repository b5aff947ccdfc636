//! Act two: Meta's penalties, and the end of each.

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::{PauseReason, WorldChange};
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
            16,
            format!("The pause of template {} is over", cast.sinking.name),
            [WorldChange::TemplateUnpaused {
                template_id: sinking.clone(),
            }],
        ),
        beat(
            17,
            "The bakery is restricted: it can neither add numbers nor start conversations",
            [restricted()],
        ),
        beat(
            18,
            "Fern & Moss appeals the rejection of winter_offer",
            [event(NEW_TEMPLATE, "IN_APPEAL")],
        ),
        beat(
            19,
            format!(
                "Template {} is paused for the second time",
                cast.sinking.name
            ),
            [paused(sinking, PauseReason::Second)],
        ),
        beat(
            20,
            "Fern & Moss Service recovers and is UNFLAGGED; its limit does not change",
            [WorldChange::NumberUnflagged {
                phone_number_id: GARDEN_SERVICE.into(),
                quality_rating: "YELLOW".into(),
            }],
        ),
        beat(
            21,
            "The bakery gets a number for its market stall",
            [WorldChange::NumberAdded {
                waba_id: BAKERY.into(),
                phone_number_id: BAKERY_MARKET.into(),
                display_phone_number: "+1 555-010-0113".into(),
                verified_name: "Harbour Lane Bakery Market".into(),
            }],
        ),
        beat(
            22,
            "The bakery's shop is no longer FLAGGED, but its limit falls by one step",
            [WorldChange::NumberFlagLapsed {
                phone_number_id: BAKERY_SHOP.into(),
                limit: "TIER_1K".into(),
            }],
        ),
        beat(
            24,
            "Café Lumière is scheduled to be disabled in ten days",
            [banned("SCHEDULE_FOR_DISABLE", 10)],
        ),
        beat(
            25,
            "Template winter_offer is reinstated after the appeal",
            [event(NEW_TEMPLATE, "REINSTATED")],
        ),
        beat(
            26,
            format!(
                "Template {} is FLAGGED: it will be disabled in five days",
                cast.doomed.name
            ),
            [disable_announced(&cast.doomed)],
        ),
        beat(
            27,
            format!("Template {} is FLAGGED too", cast.bakery.name),
            [disable_announced(&cast.bakery)],
        ),
        beat(
            28,
            "Café Lumière's new display name is rejected",
            [name_decision("REJECTED", Some("NAME_NOT_CONSISTENT"))],
        ),
        beat(
            36,
            format!("Template {} is disabled permanently", cast.sinking.name),
            [WorldChange::TemplateDisabled {
                template_id: sinking.clone(),
            }],
        ),
        beat(38, "Café Lumière is disabled", [banned("DISABLE", 0)]),
        beat(
            40,
            format!(
                "Template {} is in its new category",
                cast.recategorised.name
            ),
            [WorldChange::TemplateCategoryChanged {
                template_id: cast.recategorised.id.clone(),
                category: other_category(&cast.recategorised).into(),
            }],
        ),
        beat(
            47,
            "The bakery's restriction is over; no webhook reports it",
            [WorldChange::AccountRestrictionEnded {
                waba_id: BAKERY.into(),
            }],
        ),
        beat(
            48,
            "Fern & Moss Advice is BANNED and can send nothing; no webhook reports it",
            [
                status(GARDEN_ADVICE, "BANNED"),
                health(GARDEN_ADVICE, "BLOCKED", "The number is banned."),
            ],
        ),
        beat(
            49,
            "The bakery's catering number is DISCONNECTED; no webhook reports it",
            [status(BAKERY_CATERING, "DISCONNECTED")],
        ),
        beat(50, "Café Lumière is reinstated", [banned("REINSTATE", 0)]),
    ]
}
