//! Parses webhooks about accounts.

use super::number::daily_limit;
use crate::domain::account::{AlertSeverity, Ban, Restriction, Update};
use crate::domain::{DisplayDigits, Fact};
use crate::ingest::{Object, ParseWarnings};

/// `account_update`: bans, restrictions, violations, and events that only have a name.
pub fn update(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    value.needs("event", odd)?;
    Some(Fact::Account(Update::AccountUpdate {
        event: value.word("event", odd)?,
        digits: value.parsed("phone_number", DisplayDigits::parse, odd),
        ban: value
            .object("ban_info", "ban_info", odd)
            .and_then(|info| ban(&info, odd)),
        restrictions: restrictions(value, odd),
        violation: value
            .object("violation_info", "violation_info", odd)
            .and_then(|info| info.word("violation_type", odd)),
    }))
}

/// `account_review_update`.
pub fn review(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    value.needs("decision", odd)?;
    Some(Fact::Account(Update::Review(value.word("decision", odd)?)))
}

/// `account_alerts`, with its words in `alert_info` or, according to one SDK, next to it.
pub fn alert(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let info = value
        .object("alert_info", "alert_info", odd)
        .unwrap_or(*value);
    info.needs("alert_type", odd)?;
    Some(Fact::Account(Update::Alert {
        alert: info.word("alert_type", odd)?,
        // An alert whose severity is missing is still an alert.
        severity: info
            .needs("alert_severity", odd)
            .and_then(|()| info.word("alert_severity", odd))
            .unwrap_or(AlertSeverity::Other),
    }))
}

/// `business_capability_update`, under the names of v24 and of before.
pub fn capability(value: &Object<'_>, odd: &mut ParseWarnings) -> Option<Fact> {
    let messaging_limit = daily_limit(value, odd);
    let phone_numbers_limit = value
        .count("max_phone_numbers_per_waba", odd)
        .or_else(|| value.count("max_phone_numbers_per_business", odd));
    let says_something = messaging_limit.is_some() || phone_numbers_limit.is_some();
    says_something.then_some(Fact::Account(Update::Capability {
        messaging_limit,
        phone_numbers_limit,
    }))
}

/// The state is text in Meta's reference, a list on its partner page; the date is prose.
fn ban(info: &Object<'_>, odd: &mut ParseWarnings) -> Option<Ban> {
    info.needs("waba_ban_state", odd)?;
    Some(Ban {
        state: info.last_word("waba_ban_state", odd)?,
        date: info.time("waba_ban_date", odd),
    })
}

fn restrictions(value: &Object<'_>, odd: &mut ParseWarnings) -> Vec<Restriction> {
    let infos = value.objects("restriction_info", "restriction_info", odd);
    let restrictions = infos.iter().filter_map(|info| {
        info.needs("restriction_type", odd)?;
        Some(Restriction {
            kind: info.word("restriction_type", odd)?,
            expires_at: info.time("expiration", odd),
        })
    });
    restrictions.collect()
}
