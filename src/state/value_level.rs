//! Severity of a journalled value at the time of its change, by the judgement of [`Level`].

use super::Entity;
use super::journal::LIFTED;
use crate::domain::account::{self, BAN_STATE, BanState, LOSS, Loss, RESTRICTION};
use crate::domain::account::{BusinessVerificationStatus, ReviewStatus};
use crate::domain::level::{is_out_of_service, was_in_service};
use crate::domain::number::{self, CodeVerificationStatus, NameStatus, ThroughputLevel};
use crate::domain::template::{self, Category};
use crate::domain::{CanSendMessage, Level, MessagingLimit, QualityRating, Word};

/// Judges the value after a change, given the value before; `None` before the first known value.
type Judge = fn(Option<&str>, &str) -> Level;

const ACCOUNT: &account::Declarations = &account::ATTRIBUTES;
const NUMBER: &number::Declarations = &number::ATTRIBUTES;
const TEMPLATE: &template::Declarations = &template::ATTRIBUTES;

const OF_ACCOUNT: &[(&str, Judge)] = &[
    (ACCOUNT.review_status.name, word::<ReviewStatus>),
    (ACCOUNT.business_verification_status.name, verification),
    (ACCOUNT.status.name, |_, _| Level::Neutral),
    (ACCOUNT.messaging_limit.name, limit),
    (ACCOUNT.can_send_message.name, word::<CanSendMessage>),
    (ACCOUNT.marketing_disabled.name, marketing_disabled),
    (BAN_STATE.name, ban),
    (LOSS.name, loss),
    (RESTRICTION.name, |_, to| critical_if(!to.ends_with(LIFTED))),
];

const OF_NUMBER: &[(&str, Judge)] = &[
    (NUMBER.quality_rating.name, word::<QualityRating>),
    (NUMBER.status.name, number_status),
    (NUMBER.messaging_limit.name, limit),
    (NUMBER.throughput_level.name, throughput),
    (NUMBER.name_status.name, name),
    (NUMBER.new_name_status.name, name),
    (NUMBER.code_verification_status.name, code_verification),
    (NUMBER.flagged.name, |_, to| critical_if(to == "true")),
    (NUMBER.can_send_message.name, word::<CanSendMessage>),
];

const OF_TEMPLATE: &[(&str, Judge)] = &[
    (TEMPLATE.status.name, word::<template::Status>),
    (TEMPLATE.category.name, category),
    (TEMPLATE.quality_rating.name, |_, to| {
        Level::from_template_rating(QualityRating::parse(to))
    }),
];

/// Severity of the value `to` of an attribute that had the value `from`. `entity` is one of [`Entity::KINDS`].
/// Neutral for attributes of another version.
#[must_use]
pub fn value_level(entity: &str, attribute: &str, from: Option<&str>, to: &str) -> Level {
    let tables = Entity::KINDS
        .iter()
        .zip([OF_ACCOUNT, OF_NUMBER, OF_TEMPLATE]);
    let mut judges = tables.filter(|(kind, _)| **kind == entity);
    let judges = judges.next().map_or(&[][..], |(_, judges)| judges);
    let judge = judges.iter().find(|(name, _)| *name == attribute);
    judge.map_or(Level::Neutral, |(_, judge)| judge(from, to))
}

fn critical_if(is_bad: bool) -> Level {
    if is_bad { Level::Critical } else { Level::Fine }
}

fn warning_if(is_bad: bool) -> Level {
    if is_bad { Level::Warning } else { Level::Fine }
}

/// A word that is good or bad in itself.
fn word<W: Word + Into<Level>>(_: Option<&str>, to: &str) -> Level {
    W::parse(to).into()
}

/// A number that goes out of service is a loss, unless it was not in use before.
fn number_status(from: Option<&str>, to: &str) -> Level {
    let (from, to) = (from.map(number::Status::parse), number::Status::parse(to));
    let was_in_use = from.is_some_and(was_in_service);
    let is_unknown = matches!(to, number::Status::Other | number::Status::Unknown);
    if was_in_use && is_out_of_service(to) {
        Level::Critical
    } else if was_in_use && is_unknown {
        Level::Warning
    } else {
        to.into()
    }
}

/// A lower limit, whether of the number or of its portfolio.
fn limit(from: Option<&str>, to: &str) -> Level {
    let limit = |text: &str| MessagingLimit::parse(text).ok().flatten();
    let before = from.and_then(limit);
    let is_lower = |to| before.is_some_and(|before| to < before);
    critical_if(limit(to).is_some_and(is_lower))
}

/// An account that was never verified has lost nothing.
fn verification(from: Option<&str>, to: &str) -> Level {
    use BusinessVerificationStatus::Verified;
    let is_verified = |text| BusinessVerificationStatus::parse(text) == Verified;
    warning_if(from.is_some_and(is_verified) && !is_verified(to))
}

fn code_verification(from: Option<&str>, to: &str) -> Level {
    use CodeVerificationStatus::Verified;
    let is_verified = |text| CodeVerificationStatus::parse(text) == Verified;
    warning_if(from.is_some_and(is_verified) && !is_verified(to))
}

fn throughput(from: Option<&str>, to: &str) -> Level {
    use ThroughputLevel::High;
    let is_high = |text| ThroughputLevel::parse(text) == High;
    warning_if(from.is_some_and(is_high) && !is_high(to))
}

fn name(_: Option<&str>, to: &str) -> Level {
    match NameStatus::parse(to) {
        NameStatus::Declined | NameStatus::Expired => Level::Warning,
        NameStatus::Approved | NameStatus::AvailableWithoutReview => Level::Fine,
        NameStatus::PendingReview
        | NameStatus::None
        | NameStatus::NonExists
        | NameStatus::Other => Level::Neutral,
    }
}

fn category(from: Option<&str>, to: &str) -> Level {
    let is_marketing = |text| Category::parse(text) == Category::Marketing;
    warning_if(is_marketing(to) && from.is_some_and(|from| !is_marketing(from)))
}

/// The first known value is no change: a business that sends marketing messages by another API has switched them off
/// earlier.
fn marketing_disabled(from: Option<&str>, to: &str) -> Level {
    warning_if(from.is_some() && to == "true")
}

fn ban(_: Option<&str>, to: &str) -> Level {
    match BanState::parse(to) {
        BanState::Disable | BanState::ScheduleForDisable => Level::Critical,
        BanState::None | BanState::Reinstate => Level::Fine,
        BanState::Other => Level::Neutral,
    }
}

fn loss(_: Option<&str>, to: &str) -> Level {
    critical_if(Loss::parse(to) != Loss::None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Level::{Critical, Fine, Neutral, Warning};
    use super::*;
    use crate::domain::{Attribute, AttributeKind};

    fn journalled(all: &'static [Attribute]) -> BTreeSet<&'static str> {
        let all = all.iter();
        let with_past = all.filter(|attribute| attribute.kind == AttributeKind::History);
        with_past.map(|attribute| attribute.name).collect()
    }

    #[test]
    fn every_journalled_attribute_has_a_judge() {
        let mut of_account = journalled(account::Declarations::ALL);
        of_account.extend([BAN_STATE, LOSS, RESTRICTION].map(|attribute| attribute.name));
        let of_number = journalled(number::Declarations::ALL);
        let of_template = journalled(template::Declarations::ALL);
        for (judges, attributes) in [
            (OF_ACCOUNT, of_account),
            (OF_NUMBER, of_number),
            (OF_TEMPLATE, of_template),
        ] {
            let judged: BTreeSet<_> = judges.iter().map(|(name, _)| *name).collect();
            assert_eq!(judged, attributes);
            assert_eq!(judged.len(), judges.len(), "one judge each");
        }
    }

    const ACCOUNT: &str = Entity::KINDS[0];
    const NUMBER: &str = Entity::KINDS[1];
    const TEMPLATE: &str = Entity::KINDS[2];

    /// Entity, attribute, previous value, new value, and the expected severity.
    #[rustfmt::skip] // a table reads best as one
    const CHANGES: &[(&str, &str, Option<&str>, &str, Level)] = &[
        (NUMBER, "quality_rating", Some("GREEN"), "RED", Critical),
        (NUMBER, "quality_rating", Some("RED"), "GREEN", Fine),
        (NUMBER, "quality_rating", None, "UNKNOWN", Neutral),
        (TEMPLATE, "quality_rating", Some("GREEN"), "RED", Warning),
        (TEMPLATE, "quality_rating", Some("RED"), "GREEN", Fine),
        (TEMPLATE, "status", Some("APPROVED"), "PAUSED", Warning),
        (TEMPLATE, "status", Some("PAUSED"), "DISABLED", Critical),
        (TEMPLATE, "category", Some("UTILITY"), "MARKETING", Warning),
        (TEMPLATE, "category", None, "MARKETING", Fine),
        (NUMBER, "status", Some("CONNECTED"), "DISCONNECTED", Critical),
        (NUMBER, "status", Some("PENDING"), "DISCONNECTED", Neutral),
        (NUMBER, "status", None, "DISCONNECTED", Neutral),
        (NUMBER, "status", Some("CONNECTED"), "NEW_WORD", Warning),
        (NUMBER, "status", Some("CONNECTED"), "BANNED", Critical),
        (NUMBER, "messaging_limit", Some("10000"), "1000", Critical),
        (NUMBER, "messaging_limit", Some("UNLIMITED"), "100000", Critical),
        (NUMBER, "messaging_limit", Some("1000"), "UNLIMITED", Fine),
        (NUMBER, "messaging_limit", None, "250", Fine),
        (NUMBER, "flagged", Some("false"), "true", Critical),
        (NUMBER, "flagged", Some("true"), "false", Fine),
        (NUMBER, "throughput_level", Some("HIGH"), "STANDARD", Warning),
        (NUMBER, "name_status", Some("APPROVED"), "DECLINED", Warning),
        (ACCOUNT, "loss", Some("NONE"), "UNREADABLE", Critical),
        (ACCOUNT, "loss", Some("UNREADABLE"), "NONE", Fine),
        (ACCOUNT, "ban_state", None, "SCHEDULE_FOR_DISABLE", Critical),
        (ACCOUNT, "ban_state", Some("DISABLE"), "REINSTATE", Fine),
        (ACCOUNT, "restriction", None, "RESTRICTED_UTILITY_TEMPLATES", Critical),
        (ACCOUNT, "restriction", None, "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES lifted", Fine),
        (ACCOUNT, "business_verification_status", Some("verified"), "revoked", Warning),
        (ACCOUNT, "business_verification_status", None, "not_verified", Fine),
        (ACCOUNT, "marketing_disabled", Some("false"), "true", Warning),
        (ACCOUNT, "marketing_disabled", None, "true", Fine),
        (ACCOUNT, "marketing_disabled", Some("true"), "false", Fine),
        (ACCOUNT, "of_another_version", None, "RED", Neutral),
        ("flow", "status", None, "BLOCKED", Neutral),
    ];

    #[test]
    fn changes_for_the_worse_are_severe() {
        for (entity, attribute, from, to, expected) in CHANGES {
            let found = value_level(entity, attribute, *from, to);
            assert_eq!(found, *expected, "{entity} {attribute} {from:?} {to}");
        }
    }
}
