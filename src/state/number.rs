//! A phone number: quality rating, status, flag, messaging limit, and its other attributes.

use std::time::Duration;

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::attributes::attribute_state;
use super::groups::SuspendedGroups;
use super::observation::Observation;
use super::redate::dated;
use super::{Counts, History, LastTimes, Latest, Observed, Stamp};
// The table's rows name types of both modules.
use crate::domain::number::*;
use crate::domain::*;

/// How long Meta waits after flagging a number before it acts (quality guide, 17 November 2025).
const FLAGGED_PERIOD: Duration = Duration::from_secs(7 * 24 * 3600);

number_attributes!(attribute_state);

/// The state of one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Id of the number's Graph API node.
    pub id: PhoneNumberId,
    /// Time of the newest poll that listed the number.
    pub listed_at: Timestamp,
    /// The attributes of the table.
    #[serde(flatten)]
    pub attributes: Attributes,
    /// Number of increases of the messaging limit.
    pub limit_increases: u64,
    /// Number of decreases of the messaging limit.
    pub limit_decreases: u64,
    /// `phone_number_quality_update` by event.
    pub quality_events: Counts<QualityEventKind>,
    /// Time of the last `phone_number_quality_update` with each event.
    pub last_quality_event: LastTimes<QualityEventKind>,
    /// `security` by event.
    #[serde(default)]
    pub security_events: Counts<SecurityEventKind>,
    /// Time of the last `security` webhook with each event.
    #[serde(default)]
    pub last_security_event: LastTimes<SecurityEventKind>,
    /// `rejection_reason` of the last review of the display name.
    #[serde(default)]
    name_rejection: Latest<Option<NameRejectionReason>>,
    #[serde(default)]
    groups: SuspendedGroups,
}

dated! {
    Number: listed_at attributes last_quality_event last_security_event name_rejection groups
}

/// Lets readers access the fields of the table directly.
impl Deref for Number {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.attributes
    }
}

impl Number {
    pub(super) fn new(id: PhoneNumberId) -> Self {
        Self {
            id,
            listed_at: Timestamp::from_millis(i64::MIN),
            attributes: Attributes::default(),
            limit_increases: 0,
            limit_decreases: 0,
            quality_events: Counts::default(),
            last_quality_event: LastTimes::default(),
            security_events: Counts::default(),
            last_security_event: LastTimes::default(),
            name_rejection: Latest::default(),
            groups: SuspendedGroups::default(),
        }
    }

    /// Why the current or the requested display name was rejected. `None` unless one of them is rejected.
    #[must_use]
    pub fn name_rejection(&self) -> Option<NameRejectionReason> {
        let statuses = [self.name_status.value(), self.new_name_status.value()];
        let is_rejected = statuses.contains(&Some(NameStatus::Declined));
        let reason = self.name_rejection.value().copied().flatten();
        reason.filter(|_| is_rejected)
    }

    /// Number of groups that Meta has suspended. `None` if it never reported one.
    #[must_use]
    pub fn suspended_groups(&self) -> Option<u64> {
        self.groups.count()
    }

    /// The digits of the number in the Graph API. `None` until a poll has read them.
    #[must_use]
    pub fn digits(&self) -> Option<DisplayDigits> {
        DisplayDigits::parse(self.display_phone_number.value()?)
    }

    /// Why the number cannot send all messages. `None` if it can, or if unknown.
    #[must_use]
    pub fn sending_cause(&self) -> Option<SendingCause> {
        SendingCause::new(self.health.value()?, self.health_details.value())
    }

    /// Time at which the flag was set. `None` while the number is not flagged.
    #[must_use]
    pub fn flagged_since(&self) -> Option<Timestamp> {
        self.flagged.value().filter(|flagged| *flagged)?;
        self.flagged.since().map(Stamp::at)
    }

    /// Time by which the quality rating must recover. `None` while the number is not flagged.
    #[must_use]
    pub fn flagged_deadline(&self) -> Option<Timestamp> {
        self.flagged_since().map(|since| since.plus(FLAGGED_PERIOD))
    }

    pub(super) fn observe_snapshot(
        &mut self,
        snapshot: &Snapshot,
        observation: &mut Observation<'_>,
    ) {
        self.listed_at = self.listed_at.max(observation.stamp.at());
        let outcomes = self.attributes.observe(snapshot, observation);
        let details = snapshot.health_details.as_ref();
        observation.change.keep_out_details(details);
        self.count_limit_changes(outcomes.messaging_limit);
    }

    pub(super) fn apply_update(&mut self, update: &Update, observation: &mut Observation<'_>) {
        match update {
            Update::Quality {
                event,
                old_limit,
                current_limit,
            } => {
                self.note_quality_event(*event, observation.stamp.at());
                let (flagged, throughput) = (flagged_by(*event), throughput_by(*event));
                let known = &mut self.attributes;
                observation.observe(ATTRIBUTES.flagged, &mut known.flagged, flagged);
                let level = &mut known.throughput_level;
                observation.observe(ATTRIBUTES.throughput_level, level, throughput);
                let (attribute, limit) = (ATTRIBUTES.messaging_limit, &mut known.messaging_limit);
                let before = observation.observe_before(attribute, limit, *old_limit);
                let now = observation.observe(attribute, limit, *current_limit);
                self.count_limit_changes(before);
                self.count_limit_changes(now);
            }
            Update::Name(review) => self.decide_name(*review, observation),
            Update::Security(event) => {
                self.security_events.increment(*event);
                self.last_security_event
                    .note(*event, observation.stamp.at());
            }
            Update::Groups(groups) => {
                for status in groups {
                    self.groups.observe(*status, observation.stamp);
                }
            }
        }
    }

    /// A decision is about the requested name. Until the next poll, it is also the newest status of the number's name,
    /// so that a webhook suffices to show a rejection.
    fn decide_name(&mut self, review: NameReview, observation: &mut Observation<'_>) {
        let reason = review.rejection_reason;
        let reason = reason.filter(|_| review.decision == NameDecision::Rejected);
        self.name_rejection.observe(reason, observation.stamp);
        let (status, known) = (review.decision.name_status(), &mut self.attributes);
        observation.observe(ATTRIBUTES.name_status, &mut known.name_status, status);
        let new_name = &mut known.new_name_status;
        observation.observe(ATTRIBUTES.new_name_status, new_name, status);
    }

    fn count_limit_changes(&mut self, seen: Option<Observed<MessagingLimit>>) {
        if let Some(seen) = seen {
            self.limit_increases += seen.more(|from, to| from.is_some_and(|from| from < to));
            self.limit_decreases += seen.more(|from, to| from.is_some_and(|from| from > to));
        }
    }

    fn note_quality_event(&mut self, event: QualityEventKind, at: Timestamp) {
        self.quality_events.increment(event);
        self.last_quality_event.note(event, at);
    }
}

/// Whether the event sets (`true`) or clears (`false`) the flag. `None` for other events.
fn flagged_by(event: QualityEventKind) -> Option<bool> {
    match event {
        QualityEventKind::Flagged => Some(true),
        QualityEventKind::Unflagged => Some(false),
        QualityEventKind::Onboarding
        | QualityEventKind::ThroughputUpgrade
        | QualityEventKind::Upgrade
        | QualityEventKind::Downgrade
        | QualityEventKind::Other => None,
    }
}

fn throughput_by(event: QualityEventKind) -> Option<ThroughputLevel> {
    (event == QualityEventKind::ThroughputUpgrade).then_some(ThroughputLevel::High)
}
