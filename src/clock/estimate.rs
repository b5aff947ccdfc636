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

    /// How many times earlier times may have turned out to be ahead of the present.
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
            _ if agreed.allow(machine) => machine,
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
                self.adopt(machine, now);
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;
    /// Meta's time when the machine booted.
    const BOOTED: i64 = 1_795_000_000_000;

    /// The clocks of a machine whose clock is wrong by `skew`, at this time after its boot.
    fn reading(boot: i64, skew: i64) -> ClockReading {
        let wall = BOOTED + boot + skew;
        ClockReading { wall, boot }
    }

    /// Observes a response that took 200 ms, with Meta's clock off by `error`.
    fn answer(estimate: &mut Estimate, boot: i64, skew: i64, error: i64) {
        let date = (BOOTED + boot - 100 + error).div_euclid(1_000) * 1_000;
        estimate.observe_answer(date, boot - 200, reading(boot, skew));
    }

    fn error_of(estimate: &Estimate, boot: i64, skew: i64) -> i64 {
        estimate.time(reading(boot, skew)) - (BOOTED + boot)
    }

    #[test]
    fn a_correct_clock_is_used_unchanged() {
        let mut estimate = Estimate::new();
        assert_eq!(estimate.skew(reading(5_000, 0)), None);
        answer(&mut estimate, 5_000, 0, 0);
        assert_eq!(error_of(&estimate, 9_000, 0), 0);
        assert_eq!(estimate.skew(reading(9_000, 0)), Some(0));
    }

    #[test]
    fn the_first_response_reveals_a_wrong_clock() {
        for skew in [365 * DAY, -3 * DAY, 90_000, -90_000] {
            let mut estimate = Estimate::new();
            answer(&mut estimate, 5_000, skew, 0);
            let error = error_of(&estimate, 5_000, skew);
            assert!(error.abs() < 2_500, "{skew}: {error}");
            // The machine's clock is set right, or wrong in another way: the estimate continues.
            for skew in [0, DAY] {
                assert_eq!(error_of(&estimate, 60_000, skew), error);
                let found = estimate.skew(reading(60_000, skew));
                assert_eq!(found, Some(skew - error));
            }
        }
    }

    #[test]
    fn a_single_response_with_a_wrong_date_has_no_lasting_effect() {
        let mut estimate = Estimate::new();
        for second in 5..9 {
            answer(&mut estimate, second * 1_000, DAY, 0);
        }
        let error = error_of(&estimate, 9_000, DAY);
        answer(&mut estimate, 9_000, DAY, 300 * DAY);
        assert_eq!(error_of(&estimate, 9_000, DAY), error);
        // Also if it is the first: the next two outvote it.
        let mut estimate = Estimate::new();
        answer(&mut estimate, 5_000, 0, 300 * DAY);
        answer(&mut estimate, 6_000, 0, 0);
        answer(&mut estimate, 7_000, 0, 0);
        assert_eq!(error_of(&estimate, 7_000, 0), 0);
        assert_eq!(estimate.corrections(), 2, "the second took back 300 days");
    }

    #[test]
    fn a_pause_of_the_virtual_machine_is_detected_when_its_clock_is_set() {
        let mut estimate = Estimate::new();
        estimate.observe_machine(reading(5_000, 0));
        for second in 5..20 {
            answer(&mut estimate, second * 1_000, 0, 0);
        }
        assert_eq!(estimate.observe_machine(reading(20_000, 900)), None);
        // The virtual machine was paused for an hour: time since boot lacks it, and the clock is set to it.
        let resumed = |boot| reading(boot, 3_600_000);
        assert_eq!(estimate.observe_machine(resumed(21_000)), Some(3_599_100));
        for boot in [21_000, 22_000, 23_000] {
            let date = (resumed(boot).wall - 100).div_euclid(1_000) * 1_000;
            estimate.observe_answer(date, boot - 200, resumed(boot));
        }
        assert_eq!(estimate.time(resumed(23_000)), resumed(23_000).wall);
    }

    #[test]
    fn webhooks_alone_confirm_a_clock_or_show_that_it_is_behind() {
        let mut estimate = Estimate::new();
        let at = |boot| reading(boot, 0);
        estimate.observe_delivery(BOOTED - DAY, at(1_000));
        assert_eq!(estimate.skew(at(1_000)), None, "it may be a late one");
        assert_eq!(estimate.least_time(at(2_000)), Some(BOOTED - DAY + 1_000));
        estimate.observe_delivery(BOOTED + 2_000, at(3_000));
        assert_eq!(estimate.skew(at(3_000)), Some(0));
        // A confirmed estimate continues by itself, whatever the machine's clock is set to.
        assert_eq!(estimate.time(reading(9_000, 365 * DAY)), BOOTED + 9_000);

        let mut estimate = Estimate::new();
        let behind = |boot| reading(boot, -3 * DAY);
        estimate.observe_delivery(BOOTED + 40 * DAY, behind(500));
        assert_eq!(
            estimate.time(behind(500)),
            behind(500).wall,
            "one may be an error"
        );
        for boot in [1_000, 2_000, 3_000] {
            estimate.observe_delivery(BOOTED + boot - 500, behind(boot));
        }
        let error = error_of(&estimate, 4_000, -3 * DAY);
        assert!((-1_000..=0).contains(&error), "{error}");
        assert_eq!(
            estimate.least_time(behind(4_000)),
            None,
            "it is not certain"
        );
    }

    #[test]
    fn correct_deliveries_outvote_wrong_ones() {
        let at = |boot| reading(boot, 0);
        let mut estimate = Estimate::new();
        estimate.observe_delivery(BOOTED + 900, at(1_000));
        for boot in 1_000..1_010 {
            estimate.observe_delivery(BOOTED + 365 * DAY, at(boot));
        }
        assert!(estimate.time(at(1_010)) > BOOTED + 364 * DAY);
        assert!(
            estimate.least_time(at(1_010)) < Some(BOOTED + 2_000),
            "nothing expires"
        );
        for boot in 2_000..2_003 {
            estimate.observe_delivery(BOOTED + boot, at(boot));
        }
        assert_eq!(estimate.time(at(3_000)), BOOTED + 3_000);
        // Nor do deliveries move what responses have shown, in this process or an earlier one.
        let mut estimate = Estimate::new();
        estimate.restore(BOOTED, Some(BOOTED), at(1_000));
        for boot in 1_000..1_010 {
            estimate.observe_delivery(BOOTED + 365 * DAY, at(boot));
        }
        assert_eq!(estimate.time(at(3_000)), BOOTED + 3_000);
    }

    #[test]
    fn one_wrong_response_after_setting_the_clock_changes_nothing() {
        let mut estimate = Estimate::new();
        estimate.observe_machine(reading(4_000, 0));
        for second in 5..10 {
            answer(&mut estimate, second * 1_000, 0, 0);
        }
        assert!(estimate.observe_machine(reading(10_000, 2_000)).is_some());
        for second in 11..13 {
            answer(&mut estimate, second * 1_000, 2_000, 300 * DAY);
            assert_eq!(error_of(&estimate, second * 1_000, 2_000), 0);
        }
        answer(&mut estimate, 13_000, 2_000, 300 * DAY);
        assert!(
            error_of(&estimate, 13_000, 2_000) > 299 * DAY,
            "three agree"
        );
    }

    #[test]
    fn a_restored_time_is_a_lower_bound_and_within_one_boot_an_estimate() {
        let mut estimate = Estimate::new();
        estimate.restore(BOOTED, None, reading(5_000, -3 * DAY));
        assert_eq!(estimate.time(reading(6_000, -3 * DAY)), BOOTED + 1_000);
        assert_eq!(estimate.time(reading(6_000, DAY)), BOOTED + 6_000 + DAY);
        assert_eq!(estimate.skew(reading(6_000, DAY)), None);
        let mut estimate = Estimate::new();
        estimate.restore(BOOTED + 4_000, Some(BOOTED), reading(5_000, DAY));
        assert_eq!(error_of(&estimate, 6_000, DAY), 0);
    }

    proptest! {
        /// However wrong the machine's clock is and however it is set, even if every third response has an arbitrary
        /// date: the estimate is right to within three seconds, and never moves backwards by more.
        #[test]
        fn a_majority_of_correct_responses_gives_the_right_time(
            skews in prop::collection::vec(-1_000 * DAY..1_000 * DAY, 3..40),
            errors in prop::collection::vec(-1_000 * DAY..1_000 * DAY, 40),
            took in prop::collection::vec(1_i64..2_000, 40),
        ) {
            let mut estimate = Estimate::new();
            let mut boot = 10_000;
            for (place, skew) in skews.iter().enumerate() {
                boot += took[place];
                let error = if place % 3 == 2 { errors[place] } else { 0 };
                answer(&mut estimate, boot, *skew, error);
                let error = error_of(&estimate, boot, *skew);
                prop_assert!(error.abs() <= 3_000, "{error}");
            }
        }
    }
}
