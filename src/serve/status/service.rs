//! Determines whether a phone number went out of service. Meta's status alone is not enough: sandbox numbers
//! are permanently DISCONNECTED, and the old id of a re-registered number stays listed as MIGRATED or
//! DISCONNECTED.

use super::issue::Issue;
use super::level::{Level, is_out_of_service, was_in_service};
use super::recency;
use super::value::Moment;
use super::words::{distance, minute};
use crate::domain::number::Status;
use crate::domain::{DisplayDigits, Timestamp, Word};
use crate::state::{Account, Number};

/// Severity of this number's status.
pub(super) fn level(number: &Number, account: &Account, now: Timestamp) -> Level {
    match loss(number, account, now) {
        Some(loss) => loss.level,
        None => number.status.value().map_or(Level::Neutral, Level::from),
    }
}

/// The issue of a number that went out of service. `None` once the loss is old.
pub(super) fn issue(number: &Number, account: &Account, now: Timestamp) -> Option<Issue> {
    let loss = loss(number, account, now)?;
    let text = format!(
        "status {} since {} UTC ({}), previously {}",
        loss.status.as_str(),
        minute(Moment(loss.at)),
        distance(loss.at, now),
        loss.before.as_str()
    );
    match loss.level {
        Level::Critical => Some(Issue::critical(text)),
        Level::Warning => Some(Issue::warning(text)),
        Level::Neutral | Level::Fine => None,
    }
}

/// A number that is no longer in service.
struct Loss {
    level: Level,
    status: Status,
    before: Status,
    at: Timestamp,
}

fn loss(number: &Number, account: &Account, now: Timestamp) -> Option<Loss> {
    let status = number.status.value()?;
    let before = number.status.earlier(was_in_service)?;
    let at = number.status.since()?.at();
    let level = match status {
        // A status that Meta added after this version; the number may be out of service.
        Status::Other | Status::Unknown if recency::is_recent(at, now) => Level::Warning,
        status if !is_out_of_service(status) => return None,
        _ if is_replaced(number, account) => return None,
        _ => recency::loss_level(at, now),
    };
    Some(Loss {
        level,
        status,
        before,
        at,
    })
}

/// Whether the account lists the same digits under another id that is in service.
fn is_replaced(number: &Number, account: &Account) -> bool {
    let digits = digits(number);
    let mut others = account.numbers().filter(|other| other.id != number.id);
    digits.is_some()
        && others.any(|other| {
            self::digits(other) == digits
                && other
                    .status
                    .value()
                    .is_some_and(|status| Level::from(status) == Level::Fine)
        })
}

fn digits(number: &Number) -> Option<DisplayDigits> {
    let displayed = number.display_phone_number.value()?;
    DisplayDigits::parse(displayed)
}
