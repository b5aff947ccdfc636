//! Act four: rate limits, the token, the subscriptions.

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::{PauseReason, Style, WorldChange};
use crate::simulator::clock::DAY_SECONDS;
use crate::simulator::story::Beat;
use crate::simulator::world::MESSAGING_SCOPE;

/// Lifetime of a new token.
const TOKEN_DAYS: i64 = 60;

/// One list, however long, so that the story can be read in its order.
#[expect(
    clippy::too_many_lines,
    reason = "the beats of this part of the story, in their order"
)]
pub(super) fn beats(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(
            51,
            "Fern & Moss' messaging limit goes up, in the new style",
            [new_limit("TIER_100K")],
        ),
        beat(
            52,
            "Fern & Moss Orders is upgraded to high throughput",
            [WorldChange::ThroughputUpgraded {
                phone_number_id: GARDEN_ORDERS.into(),
            }],
        ),
        beat(
            53,
            "The business capabilities of Fern & Moss are updated",
            [capability(GARDEN, "TIER_100K", Style::New)],
        ),
        beat(
            55,
            "The business capabilities of Café Lumière are updated, in the old style",
            [capability(CAFE, "TIER_UNLIMITED", Style::Old)],
        ),
        beat(
            57,
            "The access token has expired: every poll fails with error 190",
            [WorldChange::TokenExpired],
        ),
        beat(
            59,
            format!(
                "Webhooks still arrive: template {} is paused",
                cast.bakery.name
            ),
            [paused(&cast.bakery.id, PauseReason::RateLimiting)],
        ),
        beat(
            66,
            "The access token is renewed for sixty days",
            [WorldChange::TokenRenewed {
                in_seconds: Some(TOKEN_DAYS * DAY_SECONDS),
            }],
        ),
        beat(
            67,
            "The token loses the messaging scope, the app its subscription to phone_number_name_update",
            [
                WorldChange::TokenScopeGranted {
                    scope: MESSAGING_SCOPE.into(),
                    is_granted: false,
                },
                WorldChange::WebhookFieldSubscribed {
                    field: "phone_number_name_update".into(),
                    is_subscribed: false,
                },
            ],
        ),
        beat(
            69,
            "The app is no longer subscribed to Café Lumière",
            [WorldChange::SubscriptionLost {
                waba_id: CAFE.into(),
            }],
        ),
        beat(
            85,
            "The scope and the subscriptions are restored",
            [
                WorldChange::TokenScopeGranted {
                    scope: MESSAGING_SCOPE.into(),
                    is_granted: true,
                },
                WorldChange::WebhookFieldSubscribed {
                    field: "phone_number_name_update".into(),
                    is_subscribed: true,
                },
                WorldChange::SubscriptionRegained {
                    waba_id: CAFE.into(),
                },
            ],
        ),
    ]
}
