//! The signals of drills, with a number, a template and an account that do not exist.

use std::time::Duration;

use crate::domain::account::{self, Ban, BanState, Restriction, RestrictionType};
use crate::domain::{
    CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health, HealthEntity, Listing,
    PhoneNumberId, QualityRating, Source, TemplateId, Timestamp, WabaId, number, template,
};

/// Ids that Meta does not assign: they begin with zeros.
pub const WABA_ID: &str = "000000000000000";
const PHONE_NUMBER_ID: &str = "000000000000001";
const TEMPLATE_ID: &str = "000000000000002";

const DAY: Duration = Duration::from_secs(86_400);

/// One signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrillSignal {
    /// The number is rated YELLOW.
    NumberYellow,
    /// The number is rated RED.
    NumberRed,
    /// The number was flagged just now.
    NumberFlagged,
    /// The number was flagged six days ago.
    NumberFlaggedDeadline,
    /// The number is banned.
    NumberBanned,
    /// The number cannot send.
    NumberCannotSend,
    /// The template is paused.
    TemplatePaused,
    /// The template is disabled.
    TemplateDisabled,
    /// The account is restricted.
    AccountRestricted,
    /// The account will be disabled in two days.
    AccountDisableScheduled,
    /// The account is disabled.
    AccountDisabled,
}

impl DrillSignal {
    /// Every signal.
    pub const ALL: [Self; 11] = [
        Self::NumberYellow,
        Self::NumberRed,
        Self::NumberFlagged,
        Self::NumberFlaggedDeadline,
        Self::NumberBanned,
        Self::NumberCannotSend,
        Self::TemplatePaused,
        Self::TemplateDisabled,
        Self::AccountRestricted,
        Self::AccountDisableScheduled,
        Self::AccountDisabled,
    ];

    /// Its name on the command line and in requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NumberYellow => "number-yellow",
            Self::NumberRed => "number-red",
            Self::NumberFlagged => "number-flagged",
            Self::NumberFlaggedDeadline => "number-flagged-deadline",
            Self::NumberBanned => "number-banned",
            Self::NumberCannotSend => "number-cannot-send",
            Self::TemplatePaused => "template-paused",
            Self::TemplateDisabled => "template-disabled",
            Self::AccountRestricted => "account-restricted",
            Self::AccountDisableScheduled => "account-disable-scheduled",
            Self::AccountDisabled => "account-disabled",
        }
    }

    /// The signal of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == name)
    }

    /// The data of a healthy account with only this signal.
    pub(super) fn events(self, now: Timestamp) -> Vec<Event> {
        let mut facts = vec![
            (now, Source::Poll, account_read()),
            (now, Source::Poll, self.numbers_listed()),
        ];
        if self == Self::NumberFlaggedDeadline {
            let six_days = i64::try_from((6 * DAY).as_millis()).unwrap_or(0);
            let then = Timestamp::from_millis(now.as_millis() - six_days);
            facts.push((then, Source::Poll, self.numbers_listed()));
        }
        facts.extend(self.template_status().map(|status| {
            let fact = templates_listed(status);
            (now, Source::Poll, fact)
        }));
        facts.extend(self.account_update(now).map(|update| {
            let key = Source::Webhook(DeliveryKey(0));
            (now, key, Fact::Account(update))
        }));
        let event = |(observed_at, source, fact)| Event {
            waba_id: waba_id(),
            observed_at,
            source,
            fact,
        };
        facts.into_iter().map(event).collect()
    }

    fn numbers_listed(self) -> Fact {
        let (rating, status, can_send) = match self {
            Self::NumberYellow => (QualityRating::Yellow, number::Status::Connected, true),
            Self::NumberRed => (QualityRating::Red, number::Status::Connected, true),
            Self::NumberFlagged | Self::NumberFlaggedDeadline => {
                (QualityRating::Green, number::Status::Flagged, true)
            }
            Self::NumberBanned => (QualityRating::Green, number::Status::Banned, true),
            Self::NumberCannotSend => (QualityRating::Green, number::Status::Connected, false),
            _ => (QualityRating::Green, number::Status::Connected, true),
        };
        let can_send_message = if can_send {
            CanSendMessage::Available
        } else {
            CanSendMessage::Blocked
        };
        let entity = EntityHealth {
            kind: HealthEntity::PhoneNumber,
            can_send_message,
        };
        let snapshot = number::Snapshot {
            display_phone_number: Some("DRILL".to_owned()),
            verified_name: Some("DRILL, no real number".to_owned()),
            quality_rating: Some(rating),
            status: Some(status),
            health: Health::new(vec![entity], None),
            ..number::Snapshot::new(PhoneNumberId::parse(PHONE_NUMBER_ID).expect(DIGITS))
        };
        Fact::NumbersListed(Listing {
            objects: vec![snapshot],
            complete: true,
        })
    }

    fn template_status(self) -> Option<template::Status> {
        match self {
            Self::TemplatePaused => Some(template::Status::Paused),
            Self::TemplateDisabled => Some(template::Status::Disabled),
            _ => None,
        }
    }

    fn account_update(self, now: Timestamp) -> Option<account::Update> {
        let ban = |state, date| Some(Ban { state, date });
        let (ban, restrictions) = match self {
            Self::AccountRestricted => {
                let restriction = Restriction {
                    kind: RestrictionType::BizInitiatedMessaging,
                    expires_at: Some(now.plus(DAY)),
                };
                (None, vec![restriction])
            }
            Self::AccountDisableScheduled => {
                let date = Some(now.plus(2 * DAY));
                (ban(BanState::ScheduleForDisable, date), vec![])
            }
            Self::AccountDisabled => (ban(BanState::Disable, None), vec![]),
            _ => return None,
        };
        Some(account::Update::AccountUpdate {
            event: account::EventKind::DisabledUpdate,
            digits: None,
            ban,
            restrictions,
            violation: None,
            disconnection: None,
        })
    }
}

const DIGITS: &str = "zeros are digits";

/// The id of the drill's account.
pub(super) fn waba_id() -> WabaId {
    WabaId::parse(WABA_ID).expect(DIGITS)
}

fn account_read() -> Fact {
    Fact::AccountRead(account::Snapshot {
        name: Some("DRILL, no real account".to_owned()),
        ..account::Snapshot::default()
    })
}

fn templates_listed(status: template::Status) -> Fact {
    let snapshot = template::Snapshot {
        name: Some("DRILL_no_real_template".into()),
        language: Some("en_US".into()),
        status: Some(status),
        category: Some(template::Category::Utility),
        quality_rating: Some(QualityRating::Unknown),
        ..template::Snapshot::new(TemplateId::parse(TEMPLATE_ID).expect(DIGITS))
    };
    let listing = Listing {
        objects: vec![snapshot],
        complete: true,
    };
    Fact::TemplatesListed(listing, template::Totals::default())
}
