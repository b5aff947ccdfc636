//! The current time: Meta's time as far as it is known, and monotonic clocks for ages and timeouts.
//!
//! Meta dates events, and everything that they are compared with uses the same time. The machine's clock is correct
//! on most machines, but it can be years off for seconds (a board without a battery, a virtual machine that resumes).
//! One observation that is dated a year ahead would then win over all later ones. Therefore [`now`] follows Meta's
//! clock, which `estimate` derives from responses of the Graph API and continues with the time since boot. Until
//! there is an estimate, it is the machine's clock.

mod estimate;
mod machine;
mod moment;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{Receipt, Timestamp};
use estimate::Estimate;
use machine::ClockReading;

pub use moment::{calendar, moment};

/// A larger difference between the machine's clock and Meta's is logged.
const NOTEWORTHY: Duration = Duration::from_secs(5);

/// The process has one clock.
static CLOCK: Mutex<ProcessClock> = Mutex::new(ProcessClock {
    estimate: Estimate::new(),
    differs: false,
});

struct ProcessClock {
    estimate: Estimate,
    /// Whether the log has reported the machine's clock as wrong.
    differs: bool,
}

impl ProcessClock {
    /// Changes the estimate, and logs what it shows about the machine's clock.
    fn observe(&mut self, observe: impl FnOnce(&mut Estimate, ClockReading)) {
        let now = ClockReading::now();
        if let Some(step) = self.estimate.observe_machine(now) {
            let by_seconds = seconds(step);
            tracing::warn!(by_seconds, "the machine's clock was set");
        }
        observe(&mut self.estimate, now);
        let Some(skew) = self.estimate.skew(now) else {
            return;
        };
        let differs = skew.unsigned_abs() > NOTEWORTHY.as_millis() as u64;
        if differs && !self.differs {
            let skew_seconds = seconds(skew);
            tracing::warn!(
                skew_seconds,
                cure = "synchronize the machine's clock (NTP)",
                "the machine's clock differs from Meta's; using Meta's time"
            );
        } else if self.differs && !differs {
            tracing::info!("the machine's clock agrees with Meta's again");
        }
        self.differs = differs;
    }
}

/// The current time by the estimate of Meta's clock; by the machine's clock until there is an estimate.
#[must_use]
pub fn now() -> Timestamp {
    let now = ClockReading::now();
    Timestamp::from_millis(lock().estimate.time(now))
}

/// A time that Meta's clock has certainly reached, for expiry: nothing may expire because the machine's clock is
/// wrong. `None` while only the machine's clock is known.
#[must_use]
pub fn at_least() -> Option<Timestamp> {
    let now = ClockReading::now();
    lock().estimate.least_time(now).map(Timestamp::from_millis)
}

/// [`now`] and [`at_least`] at the same moment.
#[must_use]
pub fn receipt() -> Receipt {
    let now = ClockReading::now();
    let clock = lock();
    Receipt {
        at: Timestamp::from_millis(clock.estimate.time(now)),
        at_least: clock.estimate.least_time(now).map(Timestamp::from_millis),
    }
}

/// The current time by the machine's clock, for comparison with what other programs on this machine write.
#[must_use]
pub fn machine_time() -> Timestamp {
    Timestamp::from_millis(ClockReading::now().wall)
}

/// Seconds by which the machine's clock is ahead of Meta's; negative if it is behind. `None` while that is unknown.
#[must_use]
pub fn skew_seconds() -> Option<f64> {
    let now = ClockReading::now();
    lock().estimate.skew(now).map(seconds)
}

/// A moment whose date is computed later, when the estimate of Meta's clock may be better.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    boot: i64,
}

impl Mark {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let boot = ClockReading::now().boot;
        Self { boot }
    }

    /// The moment by Meta's clock, as estimated now.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        let now = ClockReading::now();
        Timestamp::from_millis(lock().estimate.time_at(self.boot, now))
    }
}

/// Applies the `Date` of a Graph response whose request was sent at `sent`.
pub fn observe_answer(date: Timestamp, sent: Mark) {
    lock().observe(|estimate, now| estimate.observe_answer(date.as_millis(), sent.boot, now));
}

/// Applies the `entry.time` of a delivery with a valid signature.
pub fn observe_delivery(entry_time: Timestamp) {
    lock().observe(|estimate, now| estimate.observe_delivery(entry_time.as_millis(), now));
}

/// Increases when the clock turns out to have been ahead: stored times may then be in the future.
#[must_use]
pub fn corrections() -> u64 {
    lock().estimate.corrections()
}

/// Clock data for the next process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedClock {
    /// A time that Meta's clock has certainly reached.
    pub at_least: Timestamp,
    /// Meta's time minus the time since boot, in milliseconds. `None` until Graph responses have shown it.
    pub offset_ms: Option<i64>,
    /// Identifies the boot that the offset belongs to.
    pub boot_id: Option<String>,
}

/// The data to store. `None` if nothing is certain yet.
#[must_use]
pub fn save() -> Option<SavedClock> {
    let now = ClockReading::now();
    let clock = lock();
    let estimate = &clock.estimate;
    Some(SavedClock {
        at_least: estimate.least_time(now).map(Timestamp::from_millis)?,
        offset_ms: estimate.offset_from_answers(),
        boot_id: this_boot().map(str::to_owned),
    })
}

/// Applies what an earlier process stored.
pub fn restore(saved: &SavedClock) {
    let is_same_boot = saved.boot_id.is_some() && saved.boot_id.as_deref() == this_boot();
    let offset = saved.offset_ms.filter(|_| is_same_boot);
    let time = saved.at_least.as_millis();
    lock().observe(|estimate, now| estimate.restore(time, offset, now));
}

/// Current time by a clock that cannot be set: it starts as [`now`] and continues monotonically. For timers and
/// durations, never for display.
#[must_use]
pub fn steady() -> Timestamp {
    static START: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (instant, at) = START.get_or_init(|| (Instant::now(), now()));
    at.plus(instant.elapsed())
}

/// Time since boot, suspend included. For leases, which must end while the machine is suspended.
#[must_use]
pub fn since_boot() -> Duration {
    machine::since_boot()
}

fn this_boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    BOOT.get_or_init(machine::boot_id).as_deref()
}

/// Locks the clock even if the mutex is poisoned: the estimate is consistent between any two statements.
fn lock() -> MutexGuard<'static, ProcessClock> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seconds(millis: i64) -> f64 {
    Timestamp::from_millis(millis).as_seconds_f64()
}
