//! One phone number in the page and the JSON.

use serde::Serialize;

use super::issue::{self, Issue};
use super::issues;
use super::level::Level;
use super::sending::{self, ShownEntity};
use super::service;
use super::timeline::{NUMBER, Segment, ShownSteps};
use super::value::{Ahead, Limit, MetaWord, Moment, PastTime};
use crate::domain::number::{ATTRIBUTES, NameStatus, Status, ThroughputLevel};
use crate::domain::{CanSendMessage, QualityRating, Timestamp};
use crate::state::{Account, Number};

/// A phone number.
#[derive(Debug, Serialize)]
pub struct NumberStatus {
    pub phone_number_id: String,
    pub display_phone_number: Option<String>,
    pub verified_name: Option<String>,
    pub level: Level,
    #[serde(rename = "troubles")]
    pub issues: Vec<Issue>,
    pub quality_rating: Option<MetaWord<QualityRating>>,
    pub status: Option<MetaWord<Status>>,
    /// Severity of the status for this number.
    pub status_level: Level,
    /// Time of the change to this status, if known.
    pub status_since: Option<PastTime>,
    pub can_send_message: Option<MetaWord<CanSendMessage>>,
    /// Severity of `can_send_message` for this number.
    pub can_send_level: Level,
    pub health: Vec<ShownEntity>,
    pub messaging_limit: Option<Limit>,
    pub throughput_level: Option<MetaWord<ThroughputLevel>>,
    pub name_status: Option<MetaWord<NameStatus>>,
    /// `None` while the number is not flagged.
    pub flag: Option<Flag>,
    pub timelines: NumberTimelines,
}

/// Meta's warning, and its deadline.
#[derive(Debug, Serialize)]
pub struct Flag {
    pub since: Moment,
    /// Time by which the quality rating must recover.
    pub meta_acts: Ahead,
}

/// Values of the last thirty days. Empty if the journal cannot be read.
#[derive(Debug, Serialize)]
pub struct NumberTimelines {
    pub quality_rating: Vec<Segment>,
    pub status: Vec<Segment>,
}

impl NumberStatus {
    pub(super) fn new(
        number: &Number,
        account: &Account,
        steps: Option<&ShownSteps>,
        now: Timestamp,
    ) -> Self {
        let issues = issues::for_number(number, account, now);
        let status_since = number.status.since();
        Self {
            phone_number_id: number.id.to_string(),
            display_phone_number: number.display_phone_number.value().cloned(),
            verified_name: number.verified_name.value().cloned(),
            level: issue::worst(&issues),
            issues,
            quality_rating: number.quality_rating.value().map(MetaWord),
            status: number.status.value().map(MetaWord),
            status_level: service::level(number, account, now),
            status_since: status_since.map(|stamp| PastTime::new(stamp.at(), now)),
            can_send_message: number.can_send_message.value().map(MetaWord),
            can_send_level: sending::level(number.can_send_message.value(), number.sending_cause()),
            health: sending::entities(number.health.value(), number.health_details.value()),
            messaging_limit: number.messaging_limit.value().map(Limit),
            throughput_level: number.throughput_level.value().map(MetaWord),
            name_status: number.name_status.value().map(MetaWord),
            flag: flag(number, now),
            timelines: timelines(number, steps),
        }
    }
}

fn flag(number: &Number, now: Timestamp) -> Option<Flag> {
    let (since, deadline) = (number.flagged_since()?, number.flagged_deadline()?);
    Some(Flag {
        since: Moment(since),
        meta_acts: Ahead::new(deadline, now),
    })
}

fn timelines(number: &Number, steps: Option<&ShownSteps>) -> NumberTimelines {
    let id = number.id.as_str();
    let rating = (NUMBER, ATTRIBUTES.quality_rating.name);
    let status = (NUMBER, ATTRIBUTES.status.name);
    NumberTimelines {
        quality_rating: steps.map_or(vec![], |steps| {
            steps.timeline(rating, id, &number.quality_rating)
        }),
        status: steps.map_or(vec![], |steps| steps.timeline(status, id, &number.status)),
    }
}
