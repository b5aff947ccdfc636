//! Insights: the daily figures of templates and phone numbers, as Meta reports them.
//!
//! The highest value of a day is kept: reads and clicks rise for seven days, and Meta then reports zero for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating, dated};
use super::saved::Saved;
use super::{Latest, PollTimes};
use crate::domain::insights::{self, DAYS, Day, PricingCategory, Refusal, TemplateFigures};
use crate::domain::message::PricingType;
use crate::domain::{PhoneNumberId, TemplateId, Timestamp};

/// Maximum number of stored combinations of category and type of price of a number per day. Meta has some thirteen
/// categories, most of them with one type; a busy number has five.
const MAX_PRICES_PER_DAY: usize = 32;

/// Two days that start closer to each other than this overlap. The shortest day, in which clocks go forward, has 23
/// hours.
const SHORTEST_DAY: Duration = Duration::from_secs(23 * 3_600);

/// How long after its end Meta reports the reads, clicks and replies of a day. Later, it reports zero for them.
const REPORTED_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long the stored days reach back from the end of the last one.
const KEPT: Duration = Duration::from_secs(DAYS as u64 * 24 * 3_600);

/// The insights of the account itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInsights {
    /// Times of the polls.
    pub(super) polls: PollTimes,
    /// Why Meta refused the figures of templates at the last poll that requested them.
    refusal: Latest<Option<Refusal>>,
    /// When the phone numbers' figures were last read.
    #[serde(default)]
    numbers_read_at: Option<Timestamp>,
    /// The last complete day of the phone numbers' figures.
    #[serde(default)]
    numbers_last_day: Option<Day>,
}

dated! { AccountInsights: polls refusal numbers_read_at }

impl AccountInsights {
    /// Why Meta refused the figures of templates. `None` if it did not, or if unknown.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.value().copied().flatten()
    }

    /// When the phone numbers' figures were last read. `None` before the first read.
    #[must_use]
    pub fn numbers_read_at(&self) -> Option<Timestamp> {
        self.numbers_read_at
    }

    /// The last complete day of the phone numbers' figures. `None` before the first read.
    #[must_use]
    pub fn numbers_last_day(&self) -> Option<Day> {
        self.numbers_last_day
    }

    pub(super) fn observe_refusal(&mut self, refusal: Option<Refusal>, stamp: super::Stamp) {
        self.refusal.observe(refusal, stamp);
    }

    pub(super) fn note_numbers_read(&mut self, at: Timestamp, last_day: Day) {
        self.numbers_read_at = Some(at);
        self.numbers_last_day = Some(last_day);
    }
}

/// One day of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateDay {
    /// First moment of the day.
    pub start: Timestamp,
    /// Its figures.
    #[serde(flatten, with = "SavedFigures")]
    pub figures: TemplateFigures,
}

/// The serde form of [`TemplateFigures`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "TemplateFigures")]
struct SavedFigures {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clicked: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replied: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spent: Option<u64>,
}

/// The daily figures of one template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateInsights {
    /// Id of the template.
    pub id: TemplateId,
    /// When the figures were last read.
    pub read_at: Timestamp,
    /// The last complete day of the figures.
    pub last_day: Day,
    /// The days with messages, oldest first.
    days: Vec<TemplateDay>,
}

dated! { TemplateInsights: read_at }

impl TemplateInsights {
    pub(super) fn new(id: TemplateId) -> Self {
        Self {
            id,
            read_at: Timestamp::from_millis(i64::MIN),
            last_day: Day::default(),
            days: Vec::new(),
        }
    }

    /// The days with messages, oldest first; at most [`DAYS`].
    #[must_use]
    pub fn days(&self) -> &[TemplateDay] {
        &self.days
    }

    /// The figures of the last complete day. A template that sent nothing has zeros: Meta omits such a day.
    #[must_use]
    pub fn last_figures(&self) -> TemplateFigures {
        let last = self.days.iter().rev();
        let mut last = last.filter(|day| day.start == self.last_day.start);
        let last = last.next();
        last.map_or_else(TemplateFigures::nothing_sent, |day| day.figures)
    }

    /// The days with messages in the period of this many days that ends with the last complete day.
    pub fn last_days(&self, how_many: u32) -> impl Iterator<Item = &TemplateDay> {
        let since = since(self.last_day, how_many);
        let days = self.days.iter();
        days.filter(move |day| day.start > since && day.start <= self.last_day.start)
    }

    /// Records that the figures up to this day were read.
    pub(super) fn note_read(&mut self, at: Timestamp, last_day: Day) {
        self.read_at = at;
        self.last_day = last_day;
        let oldest = last_day.end.minus(KEPT);
        self.days.retain(|day| day.start >= oldest);
    }

    /// Raises the figures of a day to these. If a day is read too late, zero reads mean that the reads are unknown.
    pub(super) fn observe(&mut self, day: Day, figures: TemplateFigures) {
        let is_late = self.read_at >= day.end.plus(REPORTED_FOR);
        let figures = if is_late {
            without_expired(figures)
        } else {
            figures
        };
        let start = day.start;
        self.days.retain(|known| !overlaps(known.start, start));
        match self.days.binary_search_by_key(&start, |known| known.start) {
            Ok(place) => {
                let known = &mut self.days[place].figures;
                *known = known.merged(figures, u64::max);
            }
            Err(_) if figures.is_empty() => {}
            Err(place) => self.days.insert(place, TemplateDay { start, figures }),
        }
        let surplus = self.days.len().saturating_sub(DAYS);
        self.days.drain(..surplus);
    }
}

/// The figures without those that Meta reports as zero because they are too old.
fn without_expired(figures: TemplateFigures) -> TemplateFigures {
    let known = |count: Option<u64>| count.filter(|count| *count > 0);
    TemplateFigures {
        read: known(figures.read),
        clicked: known(figures.clicked),
        replied: known(figures.replied),
        ..figures
    }
}

/// The delivered messages of a number on one day, of one category and type of price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberDay {
    /// First moment of the day.
    pub start: Timestamp,
    /// The category.
    #[serde(with = "Saved")]
    pub category: PricingCategory,
    /// Whether, and why not, Meta charges for them.
    #[serde(with = "Saved")]
    pub pricing_type: PricingType,
    /// Number of delivered messages.
    pub volume: u64,
    /// Their price, in millionths of the currency's unit. `None` where Meta hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

impl NumberDay {
    fn key(&self) -> (Timestamp, PricingCategory, PricingType) {
        (self.start, self.category, self.pricing_type)
    }
}

/// The daily figures of one phone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberInsights {
    /// Id of the phone number.
    pub id: PhoneNumberId,
    /// The last complete day of the figures.
    pub last_day: Day,
    /// The days with messages, oldest first.
    days: Vec<NumberDay>,
}

impl Dated for NumberInsights {
    // Meta dates the days, so they contain no observation time.
    fn times(&self, _: &mut dyn FnMut(i64)) {}

    fn redate(&mut self, _: &Redating) {}
}

impl NumberInsights {
    pub(super) fn new(id: PhoneNumberId) -> Self {
        Self {
            id,
            last_day: Day::default(),
            days: Vec::new(),
        }
    }

    /// Each day with messages once per category and type of price, oldest first.
    #[must_use]
    pub fn days(&self) -> &[NumberDay] {
        &self.days
    }

    /// The days with messages in the period of this many days that ends with the last complete day.
    pub fn last_days(&self, how_many: u32) -> impl Iterator<Item = &NumberDay> {
        let since = since(self.last_day, how_many);
        let days = self.days.iter();
        days.filter(move |day| day.start > since && day.start <= self.last_day.start)
    }

    /// Records that the figures up to this day were read.
    pub(super) fn note_read(&mut self, last_day: Day) {
        self.last_day = last_day;
        let oldest = last_day.end.minus(KEPT);
        self.days.retain(|day| day.start >= oldest);
    }

    /// Raises the figures of a day, category and type to these. Returns `false` if the day already has the maximum
    /// number of prices.
    pub(super) fn observe(&mut self, read: &insights::NumberDay) -> bool {
        let new = NumberDay {
            start: read.day.start,
            category: read.category,
            pricing_type: read.pricing_type,
            volume: read.volume,
            cost: read.cost,
        };
        self.days.retain(|known| !overlaps(known.start, new.start));
        match self.days.binary_search_by_key(&new.key(), NumberDay::key) {
            Ok(place) => {
                let known = &mut self.days[place];
                known.volume = known.volume.max(new.volume);
                known.cost = known.cost.max(new.cost);
            }
            Err(_) if new.volume == 0 && new.cost.unwrap_or_default() == 0 => {}
            Err(place) => {
                let of_day = self.days.iter().filter(|known| known.start == new.start);
                if of_day.count() >= MAX_PRICES_PER_DAY {
                    return false;
                }
                self.days.insert(place, new);
            }
        }
        let surplus = self.days.len().saturating_sub(DAYS * MAX_PRICES_PER_DAY);
        self.days.drain(..surplus);
        true
    }
}

/// Whether two days with these starts are different days that share hours, as after a change of the time zone.
fn overlaps(known: Timestamp, new: Timestamp) -> bool {
    let distance = known.as_millis().abs_diff(new.as_millis());
    distance > 0 && u128::from(distance) < SHORTEST_DAY.as_millis()
}

/// A time after which exactly this many days start, up to and including `last`.
fn since(last: Day, how_many: u32) -> Timestamp {
    // Half a day more than needed to the start of the first one, because a day has 23 to 25 hours.
    let days = Duration::from_secs(u64::from(how_many) * 24 * 3_600);
    let half_a_day = Duration::from_secs(12 * 3_600);
    last.start.minus(days.saturating_sub(half_a_day))
}

#[cfg(test)]
mod tests;
