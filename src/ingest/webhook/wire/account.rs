//! Parses webhooks about accounts.

use std::ops::Range;

use serde_json::Value;

use super::number::daily_limit;
use crate::domain::account::{
    AlertSeverity, Ban, Disconnection, Restriction, Update, Violation, ViolationType,
};
use crate::domain::{DisplayDigits, Fact, FlowId, Timestamp, Word};
use crate::ingest::{MetaObject, ParseWarnings};

/// The plausible ends of penalties: 2009, when WhatsApp was founded, to 2100. Meta writes "no end" as 0, as a negative
/// number, as 10^18 or as a day of the year 9999. In seconds, that year has as many digits as this one in
/// milliseconds, and reads as a day of 1978.
const PLAUSIBLE_ENDS: Range<Timestamp> =
    Timestamp::from_seconds(1_230_768_000)..Timestamp::from_seconds(4_102_444_800);

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
            .and_then(|info| violation(&info, warnings)),
        disconnection: value
            .object("disconnection_info", "disconnection_info", warnings)
            .map(|info| Disconnection {
                reason: info.word("reason", warnings),
                initiated_by: info.word("initiated_by", warnings),
            }),
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
    let has_data = messaging_limit.is_some() || phone_numbers_limit.is_some();
    has_data.then_some(Fact::Account(Update::Capability {
        messaging_limit,
        phone_numbers_limit,
    }))
}

/// `flows`. Only alerts, which have a state, are read.
pub fn flow(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Fact> {
    value.require("event", warnings)?;
    let event = value.word("event", warnings)?;
    if !value.has("alert_state") {
        return Some(Fact::Unwatched);
    }
    value.require("flow_id", warnings)?;
    Some(Fact::Account(Update::Flow {
        flow_id: value.parsed("flow_id", FlowId::parse, warnings)?,
        event,
        state: value.word("alert_state", warnings)?,
    }))
}

/// The state is text in Meta's reference, a list on its partner page; the date is prose.
fn ban(info: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Ban> {
    info.require("waba_ban_state", warnings)?;
    Some(Ban {
        state: info.last_word("waba_ban_state", warnings)?,
        date: end(info, "waba_ban_date", warnings),
    })
}

fn restrictions(value: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Vec<Restriction> {
    let infos = value.objects("restriction_info", "restriction_info", warnings);
    let restrictions = infos.iter().filter_map(|info| {
        info.require("restriction_type", warnings)?;
        Some(Restriction {
            kind: info.word("restriction_type", warnings)?,
            expires_at: end(info, "expiration", warnings),
        })
    });
    restrictions.collect()
}

/// A type of Direct Send that this version does not know is reported like any unknown word, and has the effect of its
/// known counterpart.
fn violation(info: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<Violation> {
    let mut kind: ViolationType = info.word("violation_type", warnings)?;
    if kind.is_other() {
        let word = info.text("violation_type", warnings)?;
        kind = ViolationType::from_unknown(&word);
    }
    Some(Violation {
        kind,
        remediation: info
            .text("remediation", warnings)
            .filter(|text| !text.is_empty()),
    })
}

/// The end of a penalty. `None` if it has none.
fn end(
    info: &MetaObject<'_>,
    key: &'static str,
    warnings: &mut ParseWarnings,
) -> Option<Timestamp> {
    // The last day of that year is not a time in every time zone, so it cannot be read as one.
    let text = info.get(key).and_then(Value::as_str).unwrap_or_default();
    if text.starts_with("9999-") || text.ends_with(", 9999") {
        return None;
    }
    info.time(key, warnings)
        .filter(|end| PLAUSIBLE_ENDS.contains(end))
}
