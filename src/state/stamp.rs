//! The time and source of an observation, by which observations supersede each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Source, Timestamp};

/// Webhook times are whole seconds. A webhook is placed at the end of its second, so that it supersedes a poll
/// that began in the same second and may have read the value before.
const WEBHOOK_RESOLUTION_MS: i64 = 999;

/// Half of the milliseconds that 48 bits can count: 4,459 years. A stamp is at most as far from 1970.
const FARTHEST_MS: i64 = 1 << 47;

/// A position in the order of observations. A later one supersedes; in the same millisecond a webhook supersedes
/// a poll.
///
/// A template has some fifteen of them, so each takes seven bytes without alignment. The derived order is that of the
/// positions, because the bytes are big-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(i64, bool)", into = "(i64, bool)")]
pub struct Stamp {
    /// Milliseconds since [`FARTHEST_MS`] before 1970.
    order: [u8; 6],
    is_webhook: bool,
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
        Self::new(at.as_millis(), false)
    }

    /// The stamp of a webhook dated to the second `at`.
    #[must_use]
    pub fn from_webhook(at: Timestamp) -> Self {
        let order_ms = at.as_millis().saturating_add(WEBHOOK_RESOLUTION_MS);
        Self::new(order_ms, true)
    }

    fn new(order_ms: i64, is_webhook: bool) -> Self {
        let order_ms = order_ms.clamp(-FARTHEST_MS, FARTHEST_MS - 1);
        let [_, _, order @ ..] = (order_ms + FARTHEST_MS).to_be_bytes();
        Self { order, is_webhook }
    }

    /// The position just before this one, for a webhook's "previous value".
    #[must_use]
    pub fn just_before(self) -> Self {
        self.at_order(self.order_ms() - 1)
    }

    /// Its position in the order of all stamps, in Unix milliseconds; it can differ from [`Stamp::at`].
    #[must_use]
    pub fn order_ms(self) -> i64 {
        let [a, b, c, d, e, f] = self.order;
        i64::from_be_bytes([0, 0, a, b, c, d, e, f]) - FARTHEST_MS
    }

    /// An observation of the same kind at another position in the order.
    pub(super) fn at_order(self, order_ms: i64) -> Self {
        Self::new(order_ms, self.is_webhook)
    }

    /// Whether the observation is from a webhook.
    #[must_use]
    pub fn is_webhook(self) -> bool {
        self.is_webhook
    }

    /// Time of the observation.
    #[must_use]
    pub fn at(self) -> Timestamp {
        let resolution = if self.is_webhook {
            WEBHOOK_RESOLUTION_MS
        } else {
            0
        };
        Timestamp::from_millis(self.order_ms() - resolution)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.is_webhook { "webhook" } else { "poll" };
        write!(out, "{source} at {}", self.order_ms())
    }
}

impl From<(i64, bool)> for Stamp {
    fn from((order_ms, is_webhook): (i64, bool)) -> Self {
        Self::new(order_ms, is_webhook)
    }
}

impl From<Stamp> for (i64, bool) {
    fn from(stamp: Stamp) -> Self {
        (stamp.order_ms(), stamp.is_webhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_ordered_by_time_and_then_by_source() {
        let at = Timestamp::from_millis;
        let far = at(i64::MAX);
        let times = [
            at(i64::MIN),
            at(-1),
            at(0),
            at(998),
            at(1_795_442_775_313),
            far,
        ];
        let stamps = times.map(Stamp::polled);
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        for (time, stamp) in times.iter().zip(stamps).skip(1).take(4) {
            assert_eq!(stamp.at(), *time);
            assert_eq!(Stamp::from_webhook(*time).at(), *time);
            assert_eq!(Stamp::from(<(i64, bool)>::from(stamp)), stamp);
            assert_eq!(stamp.just_before().order_ms(), stamp.order_ms() - 1);
        }
        let second = at(5_000);
        assert!(Stamp::polled(at(5_999)) < Stamp::from_webhook(second));
        assert!(Stamp::from_webhook(second) < Stamp::polled(at(6_000)));
        assert!(Stamp::from_webhook(far) > Stamp::polled(far));
    }

    #[test]
    fn a_stamp_with_a_word_takes_eight_bytes() {
        use crate::domain::QualityRating;
        use crate::state::Latest;
        assert_eq!(size_of::<Option<Stamp>>(), 7);
        assert_eq!(size_of::<Latest<QualityRating>>(), 8);
    }
}
