//! `trackers`: whether messages are counted and answers timed, and by which clocks.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::error::quoted;
use super::journeys;
use super::secret::{self, SecretKind};
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use crate::domain::journey::Journeys;
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

const KEY_FILE: Setting = Setting::new(
    "trackers.key_file",
    "File with the key that customers are hashed with, 64 hexadecimal digits; created if it does not exist; left out, \
     the database's path and `.key`",
)
.flag("--trackers.key-file");

/// As many hexadecimal digits as a secret has at least, and no path.
const SECRET_DIGITS: usize = 32;

const TOKEN: Setting = Setting::new(
    "trackers.token",
    "What applications show to tell of events at /v1/events; without it there is no event API",
)
.variable("WHATSAPP_EVENTS_TOKEN");

const TOKEN_FILE: Setting = Setting::new("trackers.token_file", "File that holds that token")
    .variable("WHATSAPP_EVENTS_TOKEN_FILE");

/// What is measured of messages. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct TrackersConfig {
    /// `trackers.enabled`; default true. Off, messages are not looked into.
    pub enabled: bool,
    /// `trackers.business_hours`; optional.
    pub business_hours: Option<String>,
    /// `trackers.time_zone`; default UTC.
    pub time_zone: String,
    /// The two as one.
    pub hours: Option<BusinessHours>,
    /// `trackers.journeys`; default none.
    pub journeys: Journeys,
    /// `trackers.key_file`, `--trackers.key-file`; default beside the database.
    pub key_file: Option<KeyFile>,
    /// `trackers.token` or `…_file`, `WHATSAPP_EVENTS_TOKEN` or `…_FILE`; optional.
    pub token: Option<SecretString>,
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
            hours,
            journeys: journeys::read(walker),
            key_file: read_key_file(walker),
            token: read_token(walker),
        }
    }
}

/// The path of a key. `Debug` does not show it: people put secrets where paths belong.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyFile(pub PathBuf);

impl fmt::Debug for KeyFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("KeyFile")
    }
}

/// The path. A key in its place is refused, and not shown.
fn read_key_file(walker: &mut Walker<'_>) -> Option<KeyFile> {
    let (place, path) = walker.path(&KEY_FILE)?;
    let text = path.as_os_str().to_str().unwrap_or_default();
    let name = path.file_name().and_then(OsStr::to_str);
    let is_secret = |name: &str| {
        name.len() >= SECRET_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if text.ends_with('/') || name.is_none_or(is_secret) {
        let message = "is not the path of a file; write the key to a file, and give its path";
        walker.error(place, message);
        return None;
    }
    Some(KeyFile(path))
}

/// From one of its four places: what the file says comes before the variables.
fn read_token(walker: &mut Walker<'_>) -> Option<SecretString> {
    let given = walker.secret_text(&TOKEN);
    let named = walker.secret_text(&TOKEN_FILE);
    let (place, secret) = match (given, named) {
        (None, None) => return None,
        (Some((place, _)), Some((other, _))) => {
            let message = format!("is given together with {other}; keep one of them");
            (place, Err(message))
        }
        (Some((place, text)), None) => (place, secret::from_text(SecretKind::EventsToken, &text)),
        (None, Some((place, path))) => {
            let path = walker.path_in_file(place, &path);
            let environment = walker.environment();
            let secret = secret::from_file(SecretKind::EventsToken, &path, environment);
            (place, secret)
        }
    };
    secret.map_err(|message| walker.error(place, message)).ok()
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
