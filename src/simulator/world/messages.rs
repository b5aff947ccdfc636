//! The messages that the businesses sent, counted by half hour: Meta's analytics are made of these counts.

use std::collections::BTreeMap;

use crate::simulator::clock::DAY_SECONDS;

/// Grain of the counts in seconds, which is also the finest that Meta offers.
const GRAIN: i64 = 1_800;

/// Days from the sending during which reads, clicks and replies count. After them, Meta reports zero.
const COUNTED_DAYS: usize = 7;

/// How long counts are kept: Meta looks back at most one year.
const KEPT: i64 = 366 * DAY_SECONDS;

/// Messages with the same origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageBatch {
    /// The template. `None` for messages without one.
    pub template_id: Option<String>,
    /// The number that sent them.
    pub phone_number_id: String,
    /// Pricing category in lower case, as in webhooks.
    pub category: String,
    /// Type of price in lower case, as in webhooks.
    pub pricing_type: String,
    /// Time of sending in Unix seconds.
    pub sent_at: i64,
    /// Number of messages.
    pub count: u64,
}

/// An event of a batch of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStage {
    /// They were sent.
    Sent,
    /// They were delivered, at this price each, in millionths of the currency's unit.
    Delivered {
        /// Price of one message.
        price: u64,
    },
    /// They were read.
    Read,
    /// A button was clicked.
    Clicked,
    /// They were replied to.
    Replied,
}

/// Counts of a template's messages that were sent within a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TemplateCounts {
    /// Messages sent.
    pub sent: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Messages read.
    pub read: u64,
    /// Clicks.
    pub clicked: u64,
    /// Messages replied to.
    pub replied: u64,
    /// Their price, in millionths of the currency's unit.
    pub spent: u64,
}

/// Messages of one number, category and type of price, delivered within a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveredCounts {
    /// Messages delivered.
    pub volume: u64,
    /// Their price, in millionths of the currency's unit.
    pub cost: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct HalfHour {
    sent: u64,
    delivered: u64,
    spent: u64,
    /// By days since the sending.
    read: [u64; COUNTED_DAYS],
    clicked: [u64; COUNTED_DAYS],
    replied: [u64; COUNTED_DAYS],
}

/// Category and type of price.
type Price = (String, String);

/// The counts of all messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageLedger {
    templates: BTreeMap<String, BTreeMap<i64, HalfHour>>,
    numbers: BTreeMap<String, BTreeMap<i64, BTreeMap<Price, DeliveredCounts>>>,
}

impl MessageLedger {
    /// Counts what happened to a batch at this time (Unix seconds).
    pub fn count(&mut self, batch: &MessageBatch, stage: MessageStage, at: i64) {
        if let MessageStage::Delivered { price } = stage {
            let halves = self.numbers.entry(batch.phone_number_id.clone());
            let halves = halves.or_default();
            forget_old(halves, at);
            let prices = halves.entry(half_hour(at)).or_default();
            let price_of = (batch.category.clone(), batch.pricing_type.clone());
            let counts = prices.entry(price_of).or_default();
            counts.volume += batch.count;
            counts.cost += batch.count * price;
        }
        let Some(template_id) = &batch.template_id else {
            return;
        };
        let halves = self.templates.entry(template_id.clone()).or_default();
        forget_old(halves, at);
        let counts = halves.entry(half_hour(batch.sent_at)).or_default();
        let age = (at - batch.sent_at).max(0) / DAY_SECONDS;
        let age = usize::try_from(age).unwrap_or(COUNTED_DAYS);
        match stage {
            MessageStage::Sent => counts.sent += batch.count,
            MessageStage::Delivered { price } => {
                counts.delivered += batch.count;
                counts.spent += batch.count * price;
            }
            MessageStage::Read => add(&mut counts.read, age, batch.count),
            MessageStage::Clicked => add(&mut counts.clicked, age, batch.count),
            MessageStage::Replied => add(&mut counts.replied, age, batch.count),
        }
    }

    /// A template's messages that were sent from `start` until `end`, as Meta reports them at `now`. `None` for all that
    /// ever happened to them.
    #[must_use]
    pub fn template_counts(
        &self,
        template_id: &str,
        (start, end): (i64, i64),
        now: Option<i64>,
    ) -> TemplateCounts {
        let halves = self.templates.get(template_id);
        let halves = halves
            .into_iter()
            .flat_map(|halves| halves.range(start..end));
        let mut sum = TemplateCounts::default();
        for (at, counts) in halves {
            let reported = |by_age: &[u64; COUNTED_DAYS]| reported(by_age, *at, now);
            sum.sent += counts.sent;
            sum.delivered += counts.delivered;
            sum.spent += counts.spent;
            sum.read += reported(&counts.read);
            sum.clicked += reported(&counts.clicked);
            sum.replied += reported(&counts.replied);
        }
        sum
    }

    /// A number's messages that were delivered from `start` until `end`, by category and type of price.
    #[must_use]
    pub fn delivered_counts(
        &self,
        phone_number_id: &str,
        (start, end): (i64, i64),
    ) -> BTreeMap<Price, DeliveredCounts> {
        let halves = self.numbers.get(phone_number_id);
        let halves = halves
            .into_iter()
            .flat_map(|halves| halves.range(start..end));
        let mut sums: BTreeMap<Price, DeliveredCounts> = BTreeMap::new();
        for (price, counts) in halves.flat_map(|(_, prices)| prices) {
            let sum = sums.entry(price.clone()).or_default();
            sum.volume += counts.volume;
            sum.cost += counts.cost;
        }
        sums
    }
}

fn half_hour(at: i64) -> i64 {
    at - at.rem_euclid(GRAIN)
}

fn forget_old<T>(halves: &mut BTreeMap<i64, T>, now: i64) {
    while halves
        .first_key_value()
        .is_some_and(|(at, _)| *at < now - KEPT)
    {
        halves.pop_first();
    }
}

fn add(by_age: &mut [u64; COUNTED_DAYS], age: usize, count: u64) {
    if let Some(known) = by_age.get_mut(age) {
        *known += count;
    }
}

/// The events by `now`; none once the days that count are over.
fn reported(by_age: &[u64; COUNTED_DAYS], sent_at: i64, now: Option<i64>) -> u64 {
    let Some(now) = now else {
        return by_age.iter().sum();
    };
    let age = usize::try_from((now - sent_at) / DAY_SECONDS).unwrap_or(0);
    if age >= COUNTED_DAYS {
        return 0;
    }
    by_age[..=age].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_775_001_600;

    #[test]
    fn reads_rise_for_a_week_and_are_zero_after_it() {
        let mut ledger = MessageLedger::default();
        let batch = MessageBatch {
            template_id: Some("7".into()),
            phone_number_id: "9".into(),
            category: "marketing".into(),
            pricing_type: "regular".into(),
            sent_at: START + 3_600,
            count: 10,
        };
        ledger.count(&batch, MessageStage::Sent, batch.sent_at);
        let price = 5;
        let next_day = START + DAY_SECONDS + 1;
        ledger.count(&batch, MessageStage::Delivered { price }, next_day);
        for day in [0, 1, 6, 7] {
            let at = batch.sent_at + day * DAY_SECONDS;
            ledger.count(&batch, MessageStage::Read, at);
        }
        let day = (START, START + DAY_SECONDS);
        let read_on = |days: i64| {
            let now = batch.sent_at + days * DAY_SECONDS;
            ledger.template_counts("7", day, Some(now)).read
        };
        assert_eq!([0, 1, 5, 6, 7].map(read_on), [10, 20, 20, 30, 0]);
        let all = ledger.template_counts("7", day, None);
        assert_eq!(
            (all.sent, all.delivered, all.read, all.spent),
            (10, 10, 30, 50)
        );
        assert!(ledger.delivered_counts("9", day).is_empty());
        let delivered = ledger.delivered_counts("9", (day.1, day.1 + DAY_SECONDS));
        assert_eq!(delivered.into_values().next().map(|one| one.cost), Some(50));
    }
}
