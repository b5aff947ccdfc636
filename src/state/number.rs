//! A phone number: rating, status, flag, limit, and everything else its metrics show.

use std::time::Duration;

use super::{Change, Counts, History, Latest, PollTimes, Stamp};
use crate::domain::number::{
    AccountMode, CodeVerificationStatus, NameDecision, NameStatus, News, PlatformType,
    QualityEventKind, Reading, Status, ThroughputLevel,
};
use crate::domain::{
    CanSendMessage, Health, MessagingLimit, PhoneNumberId, QualityRating, Timestamp, Word,
};

/// How long Meta leaves a flagged number before it acts (quality guide, 17 November 2025).
const FLAGGED_PERIOD: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is known of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its node.
    pub id: PhoneNumberId,
    /// The newest poll that listed it.
    pub listed_at: Timestamp,
    /// As Meta displays it.
    pub display_phone_number: Latest<String>,
    /// The name under which it writes.
    pub verified_name: Latest<String>,
    /// `account_mode`.
    pub account_mode: Latest<AccountMode>,
    /// `platform_type`.
    pub platform_type: Latest<PlatformType>,
    /// The rating. No webhook carries it.
    pub quality_rating: History<QualityRating>,
    /// Meta's `status`. No webhook carries it either.
    pub status: History<Status>,
    /// Flagged, by status or by event, whichever is newer.
    pub flagged: History<bool>,
    /// Customers in 24 hours.
    pub messaging_limit: History<MessagingLimit>,
    /// How often the limit rose.
    pub limit_increases: u64,
    /// How often the limit fell.
    pub limit_decreases: u64,
    /// `throughput.level`.
    pub throughput_level: History<ThroughputLevel>,
    /// Review of the name in force, or of the one just decided on.
    pub name_status: History<NameStatus>,
    /// Review of a name that was asked for.
    pub new_name_status: History<NameStatus>,
    /// `code_verification_status`.
    pub code_verification_status: History<CodeVerificationStatus>,
    /// Can it send, going by the entities of `health_status`?
    pub can_send_message: History<CanSendMessage>,
    /// Those entities.
    pub health: Latest<Health>,
    /// `phone_number_quality_update` by event.
    pub quality_events: Counts<QualityEventKind>,
    /// When the last of each event was.
    pub last_quality_event: Vec<(QualityEventKind, Timestamp)>,
}

impl Number {
    pub(super) fn new(id: PhoneNumberId) -> Self {
        Self {
            id,
            listed_at: Timestamp::from_millis(i64::MIN),
            display_phone_number: Latest::default(),
            verified_name: Latest::default(),
            account_mode: Latest::default(),
            platform_type: Latest::default(),
            quality_rating: History::default(),
            status: History::default(),
            flagged: History::default(),
            messaging_limit: History::default(),
            limit_increases: 0,
            limit_decreases: 0,
            throughput_level: History::default(),
            name_status: History::default(),
            new_name_status: History::default(),
            code_verification_status: History::default(),
            can_send_message: History::default(),
            health: Latest::default(),
            quality_events: Counts::default(),
            last_quality_event: Vec::new(),
        }
    }

    /// When the flag was set, while it is.
    #[must_use]
    pub fn flagged_since(&self) -> Option<Timestamp> {
        self.flagged.value().filter(|flagged| *flagged)?;
        self.flagged.since().map(Stamp::at)
    }

    /// Until when the rating must have recovered, while flagged.
    #[must_use]
    pub fn flagged_deadline(&self) -> Option<Timestamp> {
        self.flagged_since().map(|since| since.plus(FLAGGED_PERIOD))
    }

    pub(super) fn read(
        &mut self,
        reading: &Reading,
        stamp: Stamp,
        polls: &PollTimes,
        change: &mut Change,
    ) {
        self.listed_at = self.listed_at.max(stamp.at());
        self.display_phone_number
            .observe_some(reading.display_phone_number.clone(), stamp);
        self.verified_name
            .observe_some(reading.verified_name.clone(), stamp);
        self.account_mode.observe_some(reading.account_mode, stamp);
        self.platform_type
            .observe_some(reading.platform_type, stamp);
        change.of(
            &mut self.quality_rating,
            reading.quality_rating,
            stamp,
            polls,
        );
        change.of(&mut self.status, reading.status, stamp, polls);
        let flagged = reading.status.map(|status| status == Status::Flagged);
        change.of_shared(
            "phone_number_flagged",
            &mut self.flagged,
            flagged,
            stamp,
            polls,
        );
        if let Some(limit) = reading.messaging_limit {
            self.limit(limit, stamp, polls, change);
        }
        let throughput = &mut self.throughput_level;
        change.of_shared(
            "phone_number_throughput_level",
            throughput,
            reading.throughput_level,
            stamp,
            polls,
        );
        change.of(&mut self.name_status, reading.name_status, stamp, polls);
        change.of(
            &mut self.new_name_status,
            reading.new_name_status,
            stamp,
            polls,
        );
        change.of(
            &mut self.code_verification_status,
            reading.code_verification_status,
            stamp,
            polls,
        );
        let can_send = reading
            .health
            .as_ref()
            .map(|health| health.can_send_message);
        change.of(&mut self.can_send_message, can_send, stamp, polls);
        self.health.observe_some(reading.health.clone(), stamp);
    }

    pub(super) fn tell(
        &mut self,
        news: &News,
        stamp: Stamp,
        polls: &PollTimes,
        change: &mut Change,
    ) {
        match news {
            News::Quality {
                event,
                old_limit,
                current_limit,
            } => {
                self.note_quality_event(*event, stamp.at());
                let flagged = match event {
                    QualityEventKind::Flagged => Some(true),
                    QualityEventKind::Unflagged => Some(false),
                    _ => None,
                };
                change.of(&mut self.flagged, flagged, stamp, polls);
                let throughput = (*event == QualityEventKind::ThroughputUpgrade)
                    .then_some(ThroughputLevel::High);
                change.of(&mut self.throughput_level, throughput, stamp, polls);
                if let Some(old) = old_limit {
                    self.limit(*old, stamp.just_before(), polls, change);
                }
                if let Some(current) = current_limit {
                    self.limit(*current, stamp, polls, change);
                }
            }
            News::Name(decision) => self.decide_name(*decision, stamp, polls, change),
        }
    }

    /// A decision is about the name that was asked for; until the next poll it is the newest word on
    /// the number's name as well, so that a webhook alone shows a rejection.
    fn decide_name(
        &mut self,
        decision: NameDecision,
        stamp: Stamp,
        polls: &PollTimes,
        change: &mut Change,
    ) {
        change.of(&mut self.name_status, decision.name_status(), stamp, polls);
        change.of(
            &mut self.new_name_status,
            decision.name_status(),
            stamp,
            polls,
        );
    }

    fn limit(
        &mut self,
        limit: MessagingLimit,
        stamp: Stamp,
        polls: &PollTimes,
        change: &mut Change,
    ) {
        let attribute = "phone_number_messaging_limit";
        let seen = change.of_shared(
            attribute,
            &mut self.messaging_limit,
            Some(limit),
            stamp,
            polls,
        );
        if let Some(seen) = seen {
            self.limit_increases += seen.more(|(from, to)| from.is_some_and(|from| from < *to));
            self.limit_decreases += seen.more(|(from, to)| from.is_some_and(|from| from > *to));
        }
    }

    fn note_quality_event(&mut self, event: QualityEventKind, at: Timestamp) {
        self.quality_events.increment(event);
        match self
            .last_quality_event
            .iter_mut()
            .find(|(kind, _)| *kind == event)
        {
            Some((_, last)) => *last = at.max(*last),
            None => {
                self.last_quality_event.push((event, at));
                self.last_quality_event
                    .sort_by_key(|(kind, _)| kind.index());
            }
        }
    }
}
