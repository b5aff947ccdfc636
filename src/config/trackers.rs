//! `trackers`: whether messages are counted and answers timed, and by which clocks.

use std::sync::Arc;

use super::error::quoted;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use crate::domain::{BusinessHours, Misread};

const ENABLED: Scalar<bool> = Scalar {
    setting: Setting::new(
        "trackers.enabled",
        "Whether `messages` webhooks are counted and answers timed, where they come; of a customer \
         nothing but a keyed hash is kept, for a day at most",
    )
    .default("true"),
    parse: value::boolean,
};

const BUSINESS_HOURS: Scalar<String> = Scalar {
    setting: Setting::new(
        "trackers.business_hours",
        "When customers are answered, such as `Mon-Fri 09:00-18:00, Sat 10:00-14:00`: answers are then timed \
         by these hours as well, clock=\"business\"",
    ),
    parse: |text| checked(text, text, "UTC"),
};

const TIME_ZONE: Scalar<String> = Scalar {
    setting: Setting::new(
        "trackers.time_zone",
        "The time zone of the business hours, such as Europe/Berlin",
    )
    .default("UTC"),
    parse: |text| checked(text, "Mon 00:00-24:00", text),
};

/// What is measured of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackersConfig {
    /// `trackers.enabled`; default true. Off, messages are not looked into.
    pub enabled: bool,
    /// `trackers.business_hours`; optional.
    pub business_hours: Option<String>,
    /// `trackers.time_zone`; default UTC.
    pub time_zone: String,
    /// The two as one.
    pub hours: Option<Arc<BusinessHours>>,
}

impl TrackersConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        let enabled = walker.scalar(&ENABLED);
        let business_hours = walker.optional_scalar(&BUSINESS_HOURS);
        let time_zone = walker.scalar(&TIME_ZONE);
        // Each has been found good.
        let hours = business_hours.as_ref();
        let hours = hours.and_then(|schedule| BusinessHours::parse(schedule, &time_zone).ok());
        Self {
            enabled,
            business_hours,
            time_zone,
            hours: hours.map(Arc::new),
        }
    }
}

/// The text, if these hours in this zone are understood.
fn checked(text: &str, schedule: &str, zone: &str) -> Result<String, String> {
    let hours = BusinessHours::parse(schedule, zone);
    hours.map(|_| text.to_owned()).map_err(|misread| {
        let text = quoted(text);
        match misread {
            Misread::Schedule => {
                format!("{text} are no hours; write them like Mon-Fri 09:00-18:00, Sat 10:00-14:00")
            }
            Misread::Zone => format!("{text} is no time zone; write it like Europe/Berlin"),
        }
    })
}
