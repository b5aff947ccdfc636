//! `trackers`: conversation metrics, business hours and the event API.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::campaigns::CampaignList;
use super::error::quoted;
use super::experiments;
use super::journeys;
use super::kind::{Boolean, Optional, Parsed, SettingKind, presence};
use super::section::settings;
use super::setting::Setting;
use super::store::{StoreConfig, StoreUrl};
use super::token::Token;
use super::walker::Walker;
use crate::domain::campaign::Campaigns;
use crate::domain::experiment::Experiments;
use crate::domain::journey::Journeys;
use crate::domain::{BusinessHours, Misread};

const HOURS: Parsed<String> = Parsed {
    value_name: "HOURS",
    parse: |text| checked(text, text, "UTC"),
};

const ZONE: Parsed<String> = Parsed {
    value_name: "ZONE",
    parse: |text| checked(text, "Mon 00:00-24:00", text),
};

/// A name of at least this many hexadecimal digits is a secret, not a path.
const SECRET_DIGITS: usize = 32;

const TOKEN_FILE: Setting = Setting::new("trackers.token_file", "File that holds trackers.token")
    .variable("WHATSAPP_EVENTS_TOKEN_FILE");

settings! {
    /// Conversation metrics.
    #[derive(Clone, Debug)]
    TrackersConfig "trackers" {
        /// Whether `messages` webhooks are counted and response times measured; of a customer, only a keyed hash is stored,
        /// for at most 30 days.
        enabled: bool = "true", Boolean;

        /// Business hours, such as `Mon-Fri 09:00-18:00, Sat 10:00-14:00`; response times are then also measured in
        /// business hours, clock="business".
        business_hours: Option<String>, Optional(HOURS);

        /// Time zone of the business hours, such as Europe/Berlin.
        time_zone: String = "UTC", ZONE;

        /// File with the key of the customer hashes, 64 hexadecimal digits; created if it does not exist; the default is
        /// the path of an SQLite database and `.key`; required with PostgreSQL, the same on each replica.
        key_file: Option<KeyFile>, KeyFiles, for_store;

        /// Token that applications send with events to /v1/events; without it, the event API is disabled.
        token: Option<SecretString>, Token { file: &TOKEN_FILE }, secret("WHATSAPP_EVENTS_TOKEN");

        /// Campaigns to count: a list of values of biz_opaque_callback_data, each as text, or with the keys value and name.
        campaigns: Campaigns, CampaignList, in_file_only;
    }
    lists {
        /// The journeys whose steps are counted.
        journeys: Journeys = journeys::lines;

        /// The experiments that compare variants or versions of journeys.
        experiments: Experiments = experiments::lines;
    }
}

impl TrackersConfig {
    pub(super) fn read(walker: &mut Walker<'_>, store: &StoreConfig) -> Self {
        let journeys = journeys::read(walker);
        let trackers = Self {
            experiments: experiments::read(walker, &journeys),
            journeys,
            ..Self::read_rows(walker)
        };
        let key = Self::key_file().setting;
        if matches!(store.url, StoreUrl::Server(_)) && walker.given(&key).is_none() {
            let message = "is required, because store.url is a PostgreSQL database: replicas must hash customers alike; \
                           write one key to a file (`openssl rand -hex 32`), and give the same file to each replica";
            walker.error("trackers.key_file", message);
        }
        trackers
    }

    /// The business hours in their time zone.
    #[must_use]
    pub fn hours(&self) -> Option<BusinessHours> {
        // Each part was validated with the default of the other.
        BusinessHours::parse(self.business_hours.as_ref()?, &self.time_zone).ok()
    }
}

/// Path of a key file. `Debug` does not show it, because it may be a secret that was set by mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyFile(pub PathBuf);

impl fmt::Debug for KeyFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("KeyFile")
    }
}

/// Path of a key file. A key instead of a path is an error that does not repeat it.
struct KeyFiles;

impl SettingKind for KeyFiles {
    type Value = Option<KeyFile>;

    fn value_name(&self) -> &'static str {
        "PATH"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<KeyFile> {
        let given = walker.given(setting)?;
        let path = walker.path(&given);
        let text = path.as_os_str().to_str().unwrap_or_default();
        let name = path.file_name().and_then(OsStr::to_str);
        let is_secret = |name: &str| {
            name.len() >= SECRET_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if text.ends_with('/') || name.is_none_or(is_secret) {
            let message = "is not the path of a file; write the key to a file, and give its path";
            walker.error(given.place, message);
            return None;
        }
        Some(KeyFile(path))
    }

    fn show(&self, value: &Option<KeyFile>) -> String {
        presence(value.as_ref())
    }

    fn is_same(&self, one: &Option<KeyFile>, other: &Option<KeyFile>) -> bool {
        one == other
    }
}

/// The text, if the schedule and the time zone can be parsed.
fn checked(text: &str, schedule: &str, zone: &str) -> Result<String, String> {
    let hours = BusinessHours::parse(schedule, zone);
    hours.map(|_| text.to_owned()).map_err(|misread| {
        let text = quoted(text);
        match misread {
            Misread::Schedule => {
                format!("{text} is not a list of business hours; write it like Mon-Fri 09:00-18:00, Sat 10:00-14:00")
            }
            Misread::Zone => format!("{text} is not a time zone; write it like Europe/Berlin"),
        }
    })
}
