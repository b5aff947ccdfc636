//! A phone number: rating, status, flag, limit, and everything else its metrics show.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::Attribute;
use super::redate::dated;
use super::sighting::Sighting;
use super::{Counts, History, Latest, Observed, Stamp};
use crate::domain::number::{
    AccountMode, CodeVerificationStatus, NameDecision, NameStatus, News, PlatformType,
    QualityEventKind, Reading, Status, ThroughputLevel,
};
use crate::domain::{
    CanSendMessage, DisplayDigits, Health, MessagingLimit, PhoneNumberId, QualityRating, Timestamp,
    Word,
};

/// How long Meta leaves a flagged number before it acts (quality guide, 17 November 2025).
const FLAGGED_PERIOD: Duration = Duration::from_secs(7 * 24 * 3600);

/// `quality_rating`.
pub const QUALITY_RATING: Attribute = Attribute::new("quality_rating");
/// `status`.
pub const STATUS: Attribute = Attribute::new("status");
/// Flagged or not.
pub const FLAGGED: Attribute = Attribute::shared("flagged");
/// Customers in 24 hours.
pub const MESSAGING_LIMIT: Attribute = Attribute::shared("messaging_limit");
/// `throughput.level`.
pub const THROUGHPUT_LEVEL: Attribute = Attribute::shared("throughput_level");
/// `name_status`.
pub const NAME_STATUS: Attribute = Attribute::new("name_status");
/// `new_name_status`.
pub const NEW_NAME_STATUS: Attribute = Attribute::new("new_name_status");
/// `code_verification_status`.
pub const CODE_VERIFICATION_STATUS: Attribute = Attribute::new("code_verification_status");
/// The worst of `health_status`.
pub const CAN_SEND_MESSAGE: Attribute = Attribute::new("can_send_message");

/// What is known of one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

dated! {
    Number: listed_at display_phone_number verified_name account_mode platform_type quality_rating status flagged
        messaging_limit throughput_level name_status new_name_status code_verification_status can_send_message
        health last_quality_event
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

    /// The digits of the number in the Graph API.
    #[must_use]
    pub fn digits(&self) -> Option<DisplayDigits> {
        DisplayDigits::parse(self.display_phone_number.value()?)
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

    pub(super) fn read(&mut self, reading: &Reading, sighting: &mut Sighting<'_>) {
        let stamp = sighting.stamp;
        self.listed_at = self.listed_at.max(stamp.at());
        self.display_phone_number
            .observe_some(reading.display_phone_number.clone(), stamp);
        self.verified_name
            .observe_some(reading.verified_name.clone(), stamp);
        self.account_mode.observe_some(reading.account_mode, stamp);
        self.platform_type
            .observe_some(reading.platform_type, stamp);
        self.health.observe_some(reading.health.clone(), stamp);
        let flagged = reading.status.map(|status| status == Status::Flagged);
        let health = reading.health.as_ref();
        let can_send = health.map(|health| health.can_send_message);
        let quality = reading.quality_rating;
        sighting.see(QUALITY_RATING, &mut self.quality_rating, quality);
        sighting.see(STATUS, &mut self.status, reading.status);
        sighting.see(FLAGGED, &mut self.flagged, flagged);
        let limit = &mut self.messaging_limit;
        let seen = sighting.see(MESSAGING_LIMIT, limit, reading.messaging_limit);
        self.count_limit_changes(seen);
        let throughput = &mut self.throughput_level;
        sighting.see(THROUGHPUT_LEVEL, throughput, reading.throughput_level);
        sighting.see(NAME_STATUS, &mut self.name_status, reading.name_status);
        let new_name = &mut self.new_name_status;
        sighting.see(NEW_NAME_STATUS, new_name, reading.new_name_status);
        let verification = &mut self.code_verification_status;
        sighting.see(
            CODE_VERIFICATION_STATUS,
            verification,
            reading.code_verification_status,
        );
        sighting.see(CAN_SEND_MESSAGE, &mut self.can_send_message, can_send);
    }

    pub(super) fn tell(&mut self, news: &News, sighting: &mut Sighting<'_>) {
        match news {
            News::Quality {
                event,
                old_limit,
                current_limit,
            } => {
                self.note_quality_event(*event, sighting.stamp.at());
                let flagged = match event {
                    QualityEventKind::Flagged => Some(true),
                    QualityEventKind::Unflagged => Some(false),
                    _ => None,
                };
                sighting.see(FLAGGED, &mut self.flagged, flagged);
                let throughput = (*event == QualityEventKind::ThroughputUpgrade)
                    .then_some(ThroughputLevel::High);
                sighting.see(THROUGHPUT_LEVEL, &mut self.throughput_level, throughput);
                let limit = &mut self.messaging_limit;
                let seen = sighting.see_before(MESSAGING_LIMIT, limit, *old_limit);
                self.count_limit_changes(seen);
                let limit = &mut self.messaging_limit;
                let seen = sighting.see(MESSAGING_LIMIT, limit, *current_limit);
                self.count_limit_changes(seen);
            }
            News::Name(decision) => self.decide_name(*decision, sighting),
        }
    }

    /// A decision is about the name that was asked for; until the next poll it is the newest word on
    /// the number's name as well, so that a webhook alone shows a rejection.
    fn decide_name(&mut self, decision: NameDecision, sighting: &mut Sighting<'_>) {
        let status = decision.name_status();
        sighting.see(NAME_STATUS, &mut self.name_status, status);
        sighting.see(NEW_NAME_STATUS, &mut self.new_name_status, status);
    }

    fn count_limit_changes(&mut self, seen: Option<Observed<MessagingLimit>>) {
        if let Some(seen) = seen {
            self.limit_increases += seen.more(|from, to| from.is_some_and(|from| from < to));
            self.limit_decreases += seen.more(|from, to| from.is_some_and(|from| from > to));
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
