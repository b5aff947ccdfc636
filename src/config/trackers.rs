//! `trackers`: whether messages are counted and answers timed.

use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;

const ENABLED: Scalar<bool> = Scalar {
    setting: Setting::new(
        "trackers.enabled",
        "Whether `messages` webhooks are counted and answers timed, where they come; of a customer \
         nothing but a keyed hash is kept, for a day at most",
    )
    .default("true"),
    parse: value::boolean,
};

/// What is measured of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackersConfig {
    /// `trackers.enabled`; default true. Off, messages are not looked into.
    pub enabled: bool,
}

impl TrackersConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            enabled: walker.scalar(&ENABLED),
        }
    }
}
