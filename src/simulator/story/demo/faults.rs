//! Act three: webhooks that are lost, repeated, late, forged or unknown, and rejected calls.

use serde_json::json;

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::{PauseReason, WorldChange};
use crate::simulator::story::Beat;
use crate::simulator::webhooks::Travel;

/// One list, however long, so that the story can be read in its order.
#[expect(
    clippy::too_many_lines,
    reason = "the beats of this part of the story, in their order"
)]
pub(super) fn beats(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(
            30,
            format!(
                "Template {} is paused, a number falls to YELLOW; the webhook is lost",
                cast.silent.name
            ),
            [
                paused(&cast.silent.id, PauseReason::First),
                quality(&cast.silent.id, "RED"),
                rating(GARDEN_ORDERS, "YELLOW"),
            ],
        )
        .travelling(Travel::Lost),
        beat(
            32,
            format!(
                "Template {} falls to YELLOW; Meta delivers the update twice",
                cast.cafe.name
            ),
            [quality(&cast.cafe.id, "YELLOW")],
        )
        .travelling(Travel::Repeated),
        beat(
            33,
            "A forged webhook reports that Fern & Moss is disabled; its signature is wrong",
            [forged()],
        )
        .travelling(Travel::WrongSignature),
        beat(
            34,
            format!(
                "Template {} falls to RED; the webhook arrives late",
                cast.cafe.name
            ),
            [quality(&cast.cafe.id, "RED")],
        )
        .travelling(Travel::Late { seconds: 6 }),
        beat(
            39,
            "Café Lumière Événements has an unknown status",
            [status(CAFE_EVENTS, "HIBERNATING")],
        ),
        beat(
            42,
            "Meta no longer has the field account_mode",
            [WorldChange::FieldRetired {
                field: "account_mode".into(),
            }],
        ),
        beat(
            43,
            "A template has an unknown event",
            [webhook_only(
                GARDEN,
                "message_template_status_update",
                json!({
                    "event": "MARINATED",
                    "message_template_id": 70_010_020_030_049_999_u64,
                    "message_template_name": "winter_offer",
                    "message_template_language": "en",
                    "reason": null,
                }),
            )],
        ),
        beat(
            54,
            "Meta has the field account_mode again",
            [WorldChange::FieldRestored {
                field: "account_mode".into(),
            }],
        ),
        // Late in the round, because a caller that honours the header pauses for a whole minute.
        beat(
            86,
            "Café Lumière has used up its API calls: error 80008 for ten seconds",
            [WorldChange::RateLimited {
                waba_id: CAFE.into(),
                code: 80_008,
                regain_minutes: 1,
            }],
        ),
        beat(
            96,
            "API calls for Café Lumière succeed again",
            [WorldChange::RateLimitLifted {
                waba_id: CAFE.into(),
            }],
        ),
    ]
}
