//! The last act: the initial state is restored, so that the story can repeat.

use serde_json::json;

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::{Style, WorldChange};
use crate::simulator::story::Beat;
use crate::simulator::world::{Template, World};

/// One list, however long, so that the story can be read in its order.
#[expect(
    clippy::too_many_lines,
    reason = "the beats of this part of the story, in their order"
)]
pub(super) fn beats(world: &World, cast: &Cast) -> Vec<Beat> {
    let templates = |accounts: &[&Template]| {
        accounts
            .iter()
            .flat_map(|template| recovered(template))
            .collect::<Vec<_>>()
    };
    vec![
        beat(
            85,
            "Café Lumière keeps its old name",
            [name_decision("APPROVED", None)],
        ),
        beat(
            86,
            format!("Template {} is no longer archived", cast.cafe_archive.name),
            [event(&cast.cafe_archive.id, "UNARCHIVED")],
        ),
        beat(
            82,
            "The bakery is reviewed and verified",
            [
                WorldChange::AccountReviewed {
                    waba_id: BAKERY.into(),
                    decision: "APPROVED".into(),
                },
                WorldChange::BusinessVerificationChanged {
                    waba_id: BAKERY.into(),
                    status: "verified".into(),
                },
            ],
        ),
        beat(
            83,
            "The bakery and Café Lumière are linked to the app again",
            linked_again(),
        ),
        beat(
            84,
            "The bakery's limit goes up again, in the old style",
            [WorldChange::NumberLimitChanged {
                phone_number_id: BAKERY_SHOP.into(),
                limit: "TIER_10K".into(),
                style: Style::Old,
            }],
        ),
        beat(
            85,
            "Fern & Moss' messaging limit goes back, in the new style",
            [new_limit("TIER_10K")],
        ),
        beat(
            86,
            "The business capabilities go back",
            [
                capability(GARDEN, "TIER_10K", Style::New),
                capability(CAFE, "TIER_10K", Style::New),
            ],
        ),
        beat(
            87,
            "The numbers recover; no webhook reports it",
            numbers_recovered(),
        ),
        beat(
            88,
            "The bakery's market stall closes; its number is removed",
            [WorldChange::NumberRemoved {
                phone_number_id: BAKERY_MARKET.into(),
            }],
        ),
        beat(
            89,
            "The quality of templates recovers",
            [&cast.sinking, &cast.silent, &cast.cafe]
                .map(|template| quality(&template.id, &template.quality_score)),
        ),
        beat(
            90,
            "Fern & Moss' templates recover",
            templates(&[
                &cast.sinking,
                &cast.recategorised,
                &cast.doomed,
                &cast.silent,
            ]),
        ),
        beat(
            91,
            "The other templates recover",
            templates(&[&cast.bakery, &cast.cafe]),
        ),
        beat(
            97,
            format!("All {} accounts are healthy again", world.accounts.len()),
            [],
        ),
    ]
}

fn linked_again() -> Vec<WorldChange> {
    let partner = ["PARTNER_ADDED", "PARTNER_APP_INSTALLED"].map(|event| {
        let info =
            json!({"waba_info": {"waba_id": BAKERY, "owner_business_id": "700100200300400"}});
        account_event(BAKERY, event, info)
    });
    let reconnected = account_event(CAFE, "ACCOUNT_RECONNECTED", json!({}));
    partner.into_iter().chain([reconnected]).collect()
}

fn numbers_recovered() -> Vec<WorldChange> {
    let mut changes: Vec<WorldChange> = [GARDEN_SERVICE, GARDEN_ORDERS, BAKERY_SHOP]
        .map(|id| rating(id, "GREEN"))
        .into();
    changes.extend([GARDEN_ADVICE, BAKERY_CATERING, CAFE_EVENTS].map(|id| status(id, "CONNECTED")));
    changes.extend([GARDEN_ADVICE, CAFE_EVENTS].map(|id| health(id, "AVAILABLE", "")));
    changes.push(WorldChange::ThroughputLevelChanged {
        phone_number_id: GARDEN_ORDERS.into(),
        level: "STANDARD".into(),
    });
    changes.push(code_verification("VERIFIED"));
    changes.push(calling_blocked(false));
    changes
}

/// Restores the template's state from the start of the story, except its quality.
fn recovered(template: &Template) -> Vec<WorldChange> {
    vec![
        event(&template.id, "APPROVED"),
        WorldChange::TemplateCategoryRestored {
            template_id: template.id.clone(),
            category: template.category.clone(),
        },
        components(template, &template.body_text),
    ]
}
