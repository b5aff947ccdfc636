//! The time and source of an observation, by which observations supersede each other.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Source, Timestamp};

/// Webhook times are whole seconds. A webhook is placed at the end of its second, so that it supersedes a poll
/// that began in the same second and may have read the value before.
const WEBHOOK_RESOLUTION_MS: i64 = 999;

/// A position in the order of observations. A later one supersedes; in the same millisecond a webhook supersedes
/// a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(i64, bool)", into = "(i64, bool)")]
pub struct Stamp {
    order_ms: i64,
    told: bool,
}

impl Stamp {
    /// The stamp of an event.
    #[must_use]
    pub fn from_event(event: &Event) -> Self {
        match event.source {
            Source::Poll => Self::polled(event.observed_at),
            Source::Webhook(_) | Source::UndatedWebhook(_) | Source::App(_) => {
                Self::from_webhook(event.observed_at)
            }
        }
    }

    /// The stamp of a poll that began at `at`.
    #[must_use]
    pub fn polled(at: Timestamp) -> Self {
        Self {
            order_ms: at.as_millis(),
            told: false,
        }
    }

    /// The stamp of a webhook dated to the second `at`.
    #[must_use]
    pub fn from_webhook(at: Timestamp) -> Self {
        Self {
            order_ms: at.as_millis().saturating_add(WEBHOOK_RESOLUTION_MS),
            told: true,
        }
    }

    /// The position just before this one, for a webhook's "previous value".
    #[must_use]
    pub fn just_before(self) -> Self {
        Self {
            order_ms: self.order_ms.saturating_sub(1),
            ..self
        }
    }

    /// Its position in the order of all stamps, in Unix milliseconds; it can differ from [`Stamp::at`].
    #[must_use]
    pub fn order_ms(self) -> i64 {
        self.order_ms
    }

    /// An observation of the same kind at another position in the order.
    pub(super) fn at_order(self, order_ms: i64) -> Self {
        Self { order_ms, ..self }
    }

    /// Whether the observation is from a webhook.
    #[must_use]
    pub fn is_webhook(self) -> bool {
        self.told
    }

    /// Time of the observation.
    #[must_use]
    pub fn at(self) -> Timestamp {
        let resolution = if self.told { WEBHOOK_RESOLUTION_MS } else { 0 };
        Timestamp::from_millis(self.order_ms.saturating_sub(resolution))
    }
}

impl From<(i64, bool)> for Stamp {
    fn from((order_ms, told): (i64, bool)) -> Self {
        Self { order_ms, told }
    }
}

impl From<Stamp> for (i64, bool) {
    fn from(stamp: Stamp) -> Self {
        (stamp.order_ms, stamp.told)
    }
}
