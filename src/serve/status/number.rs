//! One phone number in the page and the JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::causes::FallCauses;
use super::issue::{self, Issue};
use super::issues;
use super::level::Level;
use super::sending::{self, ShownEntity};
use super::service;
use super::timeline::{NUMBER, Segment, ShownSteps};
use super::value::{Ahead, Limit, MetaWord, Moment, PastTime};
use crate::domain::number::{
    ATTRIBUTES, NameRejectionReason, NameStatus, SecurityEventKind, Status, ThroughputLevel,
};
use crate::domain::{CallbackUrl, CanSendMessage, QualityRating, Timestamp};
use crate::state::{Account, Number, Traffic};

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
    /// The URL to which an override moves its messages, without credentials and query. `None` without an override.
    pub messages_override: Option<String>,
    /// Why the current or the requested display name was rejected.
    pub name_rejection_reason: Option<MetaWord<NameRejectionReason>>,
    /// The last `security` webhook of each kind.
    pub security_events: Vec<ShownSecurityEvent>,
    /// Number of groups that Meta has suspended. `None` if it never reported one.
    pub groups_suspended: Option<u64>,
    /// `None` while the number is not flagged.
    pub flag: Option<Flag>,
    /// Open conversations that Meta reported as controlled by an application, by the application's role.
    pub thread_owners: BTreeMap<String, usize>,
    /// While the rating is low or has fallen recently.
    pub likely_causes: Option<FallCauses>,
    pub timelines: NumberTimelines,
}

/// The last `security` webhook of one kind.
#[derive(Debug, Serialize)]
pub struct ShownSecurityEvent {
    pub event: MetaWord<SecurityEventKind>,
    pub level: Level,
    #[serde(flatten)]
    pub when: PastTime,
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
        callback: Option<&CallbackUrl>,
        now: Timestamp,
    ) -> Self {
        let issues = issues::for_number(number, account, callback, now);
        let over = account.messages_override(number);
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
            messages_override: over.map(ToString::to_string),
            name_rejection_reason: number.name_rejection().map(MetaWord),
            security_events: security_events(number, now),
            groups_suspended: number.suspended_groups(),
            flag: flag(number, now),
            thread_owners: thread_owners(number, account),
            likely_causes: FallCauses::of_number(number, account, now),
            timelines: timelines(number, steps),
        }
    }
}

fn thread_owners(number: &Number, account: &Account) -> BTreeMap<String, usize> {
    let traffic = account.traffic().filter(|traffic| traffic.id == number.id);
    let owners = traffic.flat_map(Traffic::thread_owners);
    owners
        .map(|(role, conversations)| (role.to_owned(), conversations))
        .collect()
}

fn security_events(number: &Number, now: Timestamp) -> Vec<ShownSecurityEvent> {
    let shown = |(event, at): &(SecurityEventKind, Timestamp)| ShownSecurityEvent {
        event: MetaWord(*event),
        level: issues::level_of_report(*at, now),
        when: PastTime::new(*at, now),
    };
    number.last_security_event.iter().map(shown).collect()
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
