//! Estimates Meta's time, without trusting the machine's clock.
//!
//! Every response of the Graph API has a `Date`, which was written between the request and the response. This limits
//! what Meta's time can be. The limits are stored as offsets from the time since boot, which cannot be set, so that
//! responses of different moments can be compared. The estimate is what most of the last responses agree on.
//!
//! Assumptions:
//! - Meta's hosts have the right time to within [`SPREAD`], and so has the `Date` of most responses.
//! - Time since boot advances evenly. It does not while a virtual machine is paused. When the machine's clock is set
//!   afterwards, earlier responses are discarded.
//! - Without Graph responses (webhooks alone): the machine's clock is right if a delivery's time agrees with it to
//!   within [`MAX_CLOCK_DIFFERENCE`], and behind if three deliveries in a row are further ahead. The latter is not
//!   certain, so nothing expires by it.

use std::collections::VecDeque;

use super::machine::ClockReading;
use crate::domain::MAX_CLOCK_DIFFERENCE;

/// Number of compared responses. After an unnoticed change, half as many new ones outvote the old ones.
const ANSWERS: usize = 9;

/// How far Meta's hosts may differ from each other, in milliseconds.
const SPREAD: i64 = 1_000;

/// `Date` has whole seconds.
const RESOLUTION: i64 = 999;

/// A response is no longer compared after this time, in milliseconds: clocks drift, by up to 0.2 s in half an hour.
const ANSWER_EXPIRES_AFTER: i64 = 30 * 60_000;

/// A larger jump between the machine's clock and the time since boot, in milliseconds, means that the clock was
/// set. NTP corrects smaller differences gradually.
const STEP: i64 = 1_000;

/// How far two readings of the machine's clocks may differ while both advance evenly, in milliseconds.
const READING: i64 = 5;

/// Number of deliveries ahead of the machine's clock that disprove it. One may be Meta's error.
const DELIVERIES: usize = 3;

/// Number of responses that must agree to move an estimate that as many others support.
const AGREEING: usize = 3;

/// A larger move is a jump, in milliseconds. Smaller ones only refine the estimate.
const JUMP: i64 = 5_000;

/// A larger backward correction can leave stored times ahead of the present, in milliseconds.
const CORRECTION: i64 = 60_000;

/// The estimate of Meta's time.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    answers: VecDeque<OffsetRange>,
    /// Meta's time minus the time since boot. `None` until responses or deliveries have shown it.
    offset: Option<i64>,
    /// Number of responses that have supported the offset, up to [`AGREEING`]; 0 if it comes from deliveries.
    support: usize,
    /// Lower bound of the offset, while there is no offset.
    floor: Option<i64>,
    /// Lower bound that deliveries suggest. Three wrong ones are enough to set it, so it is not certain.
    presumed: Option<i64>,
    /// Offsets of the last deliveries that contradict the time.
    contradicting: VecDeque<i64>,
    /// The machine's offset when it was last read.
    machine: Option<i64>,
    corrections: u64,
}

/// The offsets that one response allows.
#[derive(Clone, Copy, Debug)]
struct OffsetRange {
    least: i64,
    most: i64,
    at: i64,
}

impl OffsetRange {
    fn allow(self, offset: i64) -> bool {
        (self.least..=self.most).contains(&offset)
    }
}

impl Estimate {
    /// An estimate without any data.
    pub const fn new() -> Self {
        Self {
            answers: VecDeque::new(),
            offset: None,
            support: 0,
            floor: None,
            presumed: None,
            contradicting: VecDeque::new(),
            machine: None,
            corrections: 0,
        }
    }

    /// Meta's time: the estimate, or the machine's time if nothing contradicts it.
    pub fn time(&self, now: ClockReading) -> i64 {
        match self.offset {
            Some(offset) => now.boot.saturating_add(offset),
            None => {
                let least = self.floor.max(self.presumed);
                let least = least.map(|least| now.boot.saturating_add(least));
                now.wall.max(least.unwrap_or(i64::MIN))
            }
        }
    }

    /// Meta's time at an earlier or later time since boot.
    pub fn time_at(&self, boot: i64, now: ClockReading) -> i64 {
        let passed = now.boot.saturating_sub(boot);
        self.time(now).saturating_sub(passed)
    }

    /// A time that Meta's clock has certainly reached. `None` while only the machine's clock is known.
    pub fn least_time(&self, now: ClockReading) -> Option<i64> {
        let offset = self.offset.or(self.floor)?;
        Some(now.boot.saturating_add(offset))
    }

    /// The machine's clock minus Meta's. `None` while there is no estimate.
    pub fn skew(&self, now: ClockReading) -> Option<i64> {
        let is_behind = now.wall < self.time(now);
        let is_known = self.offset.is_some() || is_behind;
        is_known.then(|| now.wall.saturating_sub(self.time(now)))
    }

    /// The offset, if it comes from responses.
    pub fn offset_from_answers(&self) -> Option<i64> {
        self.offset.filter(|_| self.support > 0)
    }

    /// Number of backward corrections, after which stored times may be ahead of the present.
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Detects that the machine's clock was set, and returns by how much.
    pub fn observe_machine(&mut self, now: ClockReading) -> Option<i64> {
        let offset = now.offset();
        let before = self.machine.replace(offset)?;
        let step = offset.saturating_sub(before);
        if step.abs() <= STEP {
            return None;
        }
        // Either the clock was set, or time since boot has stopped. The next response shows which.
        self.answers.clear();
        Some(step)
    }

    /// Applies the `Date` of a Graph response; it was requested and received at these times since boot.
    pub fn observe_answer(&mut self, date: i64, sent: i64, now: ClockReading) {
        if !(0..=now.boot).contains(&sent) {
            return;
        }
        self.answers.push_back(OffsetRange {
            least: date.saturating_sub(now.boot).saturating_sub(SPREAD),
            most: date
                .saturating_sub(sent)
                .saturating_add(RESOLUTION + SPREAD),
            at: now.boot,
        });
        if self.answers.len() > ANSWERS {
            self.answers.pop_front();
        }
        let expired = now.boot.saturating_sub(ANSWER_EXPIRES_AFTER);
        self.answers.retain(|answer| answer.at >= expired);
        let Some((agreed, agreeing)) = self.agreed() else {
            return;
        };
        // The machine's clock has the finer resolution, and is usually right.
        let machine = now.offset();
        let offset = match self.offset {
            _ if agreed.allow(machine) => self.unless_as_before(machine),
            Some(offset) if agreed.allow(offset) => offset,
            _ => i64::midpoint(agreed.least, agreed.most),
        };
        let is_jump = self
            .offset
            .is_some_and(|known| offset.abs_diff(known) > JUMP.unsigned_abs());
        if is_jump && agreeing < (self.support + 1).min(AGREEING) {
            return;
        }
        self.adopt(offset, now);
        self.support = agreeing.min(AGREEING);
    }

    /// The limits that most responses agree on, and their number; among equal numbers, those of the newest ones.
    fn agreed(&self) -> Option<(OffsetRange, usize)> {
        let candidates = self.answers.iter().map(|answer| {
            let least = answer.least;
            let allowing = self.answers.iter().filter(|other| other.allow(least));
            let newest = allowing.clone().map(|other| other.at).max();
            let count = allowing.clone().count();
            let most = allowing.map(|other| other.most).min().unwrap_or(least);
            let at = answer.at;
            ((count, newest, least), OffsetRange { least, most, at })
        });
        let best = candidates.max_by_key(|(rank, _)| *rank);
        best.map(|((count, ..), limits)| (limits, count))
    }

    /// Applies the `entry.time` of a verified delivery. Graph responses are more accurate.
    pub fn observe_delivery(&mut self, sent_at: i64, now: ClockReading) {
        if self.support > 0 {
            return;
        }
        let tolerance = i64::try_from(MAX_CLOCK_DIFFERENCE.as_millis()).unwrap_or(i64::MAX);
        let (sent, machine) = (sent_at.saturating_sub(now.boot), now.offset());
        let ahead = sent_at.saturating_sub(self.time(now));
        let agrees_with_machine = sent.abs_diff(machine) <= tolerance.unsigned_abs();
        if ahead.abs() <= tolerance {
            self.contradicting.clear();
            if agrees_with_machine {
                self.adopt(self.unless_as_before(machine), now);
            }
        }
        let contradicts = ahead > tolerance || (agrees_with_machine && ahead < -tolerance);
        if !contradicts {
            // The delivery may be late. Its time does not raise what is certain.
            let is_certain = sent <= machine.max(self.floor.unwrap_or(i64::MIN)) + tolerance;
            is_certain.then(|| self.raise_floor(sent));
            return;
        }
        self.contradicting.push_back(sent);
        if self.contradicting.len() < DELIVERIES {
            return;
        }
        let least = self.contradicting.iter().min().copied();
        self.contradicting.clear();
        if agrees_with_machine {
            // The bounds were too late: deliveries and the machine's clock agree on an earlier time.
            (self.floor, self.presumed) = (None, None);
            self.adopt(machine, now);
        } else {
            // The estimate was too early: deliveries agreed with a clock that has been wrong since.
            (self.offset, self.presumed) = (None, least);
        }
    }

    /// Applies what an earlier process stored. An offset counts only within the same boot.
    pub fn restore(&mut self, time: i64, offset: Option<i64>, now: ClockReading) {
        if let (Some(offset), None) = (offset, self.offset) {
            self.adopt(offset, now);
            self.support = AGREEING;
        }
        self.raise_floor(time.saturating_sub(now.boot));
    }

    fn raise_floor(&mut self, least: i64) {
        self.floor = self.floor.max(Some(least));
    }

    /// The offset so far if the machine's clocks show the same, so that time does not step back by the inaccuracy of
    /// their readings.
    fn unless_as_before(&self, machine: i64) -> i64 {
        let is_same = |known: &i64| known.abs_diff(machine) <= READING.unsigned_abs();
        self.offset.filter(is_same).unwrap_or(machine)
    }

    fn adopt(&mut self, offset: i64, now: ClockReading) {
        let before = self.time(now);
        let is_first = self.offset.is_none();
        self.offset = Some(offset);
        if is_first || before.saturating_sub(self.time(now)) > CORRECTION {
            self.corrections += 1;
        }
    }
}

#[cfg(test)]
mod tests;
