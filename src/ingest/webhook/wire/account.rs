//! Parses webhooks about accounts.

use super::number::daily_limit;
use crate::domain::account::{AlertSeverity, Ban, Restriction, Update};
use crate::domain::{DisplayDigits, Fact};
use crate::ingest::{MetaObject, ParseWarnings};

/// `account_update`: bans, restrictions, violations, and events that only have a name.
pub fn update(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    value.require("event", warnings)?;
    Some(Fact::Account(Update::AccountUpdate {
        event: value.word("event", warnings)?,
        digits: value.parsed("phone_number", DisplayDigits::parse, warnings),
        ban: value
            .object("ban_info", "ban_info", warnings)
            .and_then(|info| ban(&info, warnings)),
        restrictions: restrictions(value, warnings),
        violation: value
            .object("violation_info", "violation_info", warnings)
            .and_then(|info| info.word("violation_type", warnings)),
    }))
}

/// `account_review_update`.
pub fn review(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    value.require("decision", warnings)?;
    Some(Fact::Account(Update::Review(
        value.word("decision", warnings)?,
    )))
}

/// `account_alerts`, with its words in `alert_info` or, according to one SDK, next to it.
pub fn alert(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let info = value
        .object("alert_info", "alert_info", warnings)
        .unwrap_or(*value);
    info.require("alert_type", warnings)?;
    Some(Fact::Account(Update::Alert {
        alert: info.word("alert_type", warnings)?,
        // An alert whose severity is missing is still an alert.
        severity: info
            .require("alert_severity", warnings)
            .and_then(|()| info.word("alert_severity", warnings))
            .unwrap_or(AlertSeverity::Other),
    }))
}

/// `business_capability_update`, with the field names of v24 and of earlier versions.
pub fn capability(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    let messaging_limit = daily_limit(value, warnings);
    let phone_numbers_limit = value
        .count("max_phone_numbers_per_waba", warnings)
        .or_else(|| value.count("max_phone_numbers_per_business", warnings));
    let says_something = messaging_limit.is_some() || phone_numbers_limit.is_some();
    says_something.then_some(Fact::Account(Update::Capability {
        messaging_limit,
        phone_numbers_limit,
    }))
}

/// The state is text in Meta's reference, a list on its partner page; the date is prose.
fn ban(info: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Ban> {
    info.require("waba_ban_state", warnings)?;
    Some(Ban {
        state: info.last_word("waba_ban_state", warnings)?,
        date: info.time("waba_ban_date", warnings),
    })
}

fn restrictions(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Vec<Restriction> {
    let infos = value.objects("restriction_info", "restriction_info", warnings);
    let restrictions = infos.iter().filter_map(|info| {
        info.require("restriction_type", warnings)?;
        Some(Restriction {
            kind: info.word("restriction_type", warnings)?,
            expires_at: info.time("expiration", warnings),
        })
    });
    restrictions.collect()
}
