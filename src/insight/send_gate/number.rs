//! Rules about the phone number: its status, its quality rating, and its limits.

use super::{Candidate, RECENT, Reasons};
use crate::domain::number::{Status, ThroughputLevel};
use crate::domain::send_gate::SendReasonCode as Code;
use crate::domain::{QualityRating, Timestamp, Word};
use crate::state::{History, Number};

/// Adds the reasons of the phone number.
pub(super) fn judge(
    candidate: &Candidate<'_>,
    number: &Number,
    reasons: &mut Reasons<'_>,
    now: Timestamp,
) {
    judge_status(number, reasons);
    judge_rating(number, reasons, now);
    if decreased(&number.messaging_limit, now) || decreased(&candidate.account.messaging_limit, now)
    {
        let message = "the messaging limit decreased in the last 7 days";
        reasons.add(Code::LimitDecreased, message);
    }
    let level = &number.throughput_level;
    let is_standard = level.value() == Some(ThroughputLevel::Standard);
    if is_standard && decreased(level, now) {
        let message = "the throughput level decreased in the last 7 days";
        reasons.add(Code::ThroughputDecreased, message);
    }
    if let Some(surge) = candidate.opt_out_surge {
        let (opt_outs, usual) = (surge.opt_outs, surge.usual);
        let message = format!(
            "{opt_outs} opt-outs within a day, usually {usual} after this number of messages"
        );
        reasons.add(Code::OptOutSurge, message);
    }
}

fn judge_status(number: &Number, reasons: &mut Reasons<'_>) {
    // An event can report the flag before a poll reports the status.
    if number.flagged_since().is_some() {
        let until = number.flagged_deadline();
        reasons.add_until(Code::NumberFlagged, "the phone number is FLAGGED", until);
    }
    let Some(status) = number.status.value() else {
        let code = match number.can_send_message.value() {
            None => Code::SendingUnknown,
            Some(_) => Code::NumberStatusUnknown,
        };
        let message = "Meta has not reported the status of the phone number";
        return reasons.add(code, message);
    };
    let code = match status {
        Status::Connected | Status::Linked | Status::Flagged => return,
        Status::Restricted => Code::NumberRestricted,
        Status::RateLimited => Code::NumberRateLimited,
        Status::Banned => Code::NumberBanned,
        Status::Disconnected
        | Status::Migrated
        | Status::Deleted
        | Status::Unlinked
        | Status::Offline
        | Status::Paused
        | Status::Pending
        | Status::Unverified => Code::NumberOutOfService,
        Status::Warned => Code::NumberWarned,
        Status::Unknown | Status::Other => Code::NumberStatusUnknown,
    };
    reasons.add(code, format!("the phone number is {}", status.as_str()));
}

fn judge_rating(number: &Number, reasons: &mut Reasons<'_>, now: Timestamp) {
    let is_low = |rating| matches!(rating, QualityRating::Yellow | QualityRating::Red);
    let Some(rating) = number.quality_rating.value() else {
        let message = "Meta has not reported the quality rating of the phone number";
        return reasons.add(Code::QualityUnknown, message);
    };
    let message = format!(
        "the quality rating of the phone number is {}",
        rating.as_str()
    );
    match rating {
        QualityRating::Red => reasons.add(Code::QualityRed, message),
        QualityRating::Yellow => reasons.add(Code::QualityYellow, message),
        QualityRating::Other => reasons.add(Code::QualityUnknown, message),
        QualityRating::Green | QualityRating::Unknown => {
            let last_low = number.quality_rating.last_of(is_low);
            if last_low.is_some_and(|low| now.since(low.at()) < RECENT) {
                let message = "the quality rating was YELLOW or RED in the last 7 days";
                reasons.add(Code::QualityFell, message);
            }
        }
    }
}

/// Whether the last change was a decrease, and recent.
fn decreased<T: Copy + Ord>(history: &History<T>, now: Timestamp) -> bool {
    let is_recent = history
        .changed()
        .is_some_and(|changed| now.since(changed.at()) < RECENT);
    let before = history.earlier(|_| true);
    is_recent
        && before
            .zip(history.value())
            .is_some_and(|(before, value)| value < before)
}
