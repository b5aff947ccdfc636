//! Renders past daily figures. The figures of a day are shown from its end until the end of the next day.
//!
//! A past scrape would have shown fewer reads, because they rose for some days. The final figures are written.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::TimeRange;
use crate::domain::insights::{Day, PricingCategory, Stage, TemplateFigures};
use crate::domain::message::PricingType;
use crate::domain::{Timestamp, Word};
use crate::expose::insights as live;
use crate::expose::page::{EntityLabels, Page, SampleValue};
use crate::state::{NumberInsights, TemplateInsights};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// If clocks change, the computed start of a day differs from the reported one by less than this.
const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);

/// The daily figures of one template.
#[derive(Clone, Debug)]
pub struct PastTemplate {
    /// The labels of its series.
    pub labels: EntityLabels,
    /// Currency of the account; empty if unknown.
    pub currency: String,
    /// Its figures.
    pub insights: TemplateInsights,
}

/// The daily figures of one phone number.
#[derive(Clone, Debug)]
pub struct PastNumber {
    /// The labels of its series.
    pub labels: EntityLabels,
    /// Currency of the account; empty if unknown.
    pub currency: String,
    /// Its figures.
    pub insights: NumberInsights,
}

/// The daily figures of a store.
#[derive(Clone, Debug, Default)]
pub struct PastInsights {
    /// Figures of templates.
    pub templates: Vec<PastTemplate>,
    /// Figures of phone numbers.
    pub numbers: Vec<PastNumber>,
}

impl PastInsights {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.numbers.is_empty()
    }
}

/// Writes the families, in pieces.
pub(super) fn write(
    page: &mut Page,
    past: &PastInsights,
    window: TimeRange,
    sink: &mut impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    write_templates(page, &past.templates, window, sink)?;
    write_numbers(page, &past.numbers, window, sink)
}

fn write_templates(
    page: &mut Page,
    templates: &[PastTemplate],
    window: TimeRange,
    sink: &mut impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let mut family = page.family(&live::MESSAGES);
    for one in templates {
        for stage in Stage::REPORTED {
            for (tick, start) in ticks(one.insights.last_day, first_day(&one.insights), window) {
                if let Some(count) = figures_of(&one.insights, start).stage(stage) {
                    let value = SampleValue::Whole(count);
                    family.sample_at(&one.labels, &[stage.as_str()], value, tick);
                }
            }
            sink(&family.take())?;
        }
    }
    let mut family = page.family(&live::START);
    for one in templates {
        for (tick, start) in ticks(one.insights.last_day, first_day(&one.insights), window) {
            family.sample_at(&one.labels, &[], SampleValue::Time(start), tick);
        }
        sink(&family.take())?;
    }
    let mut family = page.family(&live::COST);
    for one in templates {
        for (tick, start) in ticks(one.insights.last_day, first_day(&one.insights), window) {
            if let Some(spent) = figures_of(&one.insights, start).spent {
                family.sample_at(&one.labels, &[&one.currency], live::money(spent), tick);
            }
        }
        sink(&family.take())?;
    }
    Ok(())
}

fn write_numbers(
    page: &mut Page,
    numbers: &[PastNumber],
    window: TimeRange,
    sink: &mut impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let mut family = page.family(&live::VOLUME);
    for one in numbers {
        for key in prices_of(&one.insights) {
            for (tick, start) in number_ticks(one, window) {
                let words = [key.0.as_str(), key.1.as_str()];
                let volume = price_on(&one.insights, key, start).0;
                family.sample_at(&one.labels, &words, SampleValue::Whole(volume), tick);
            }
            sink(&family.take())?;
        }
    }
    let mut family = page.family(&live::NUMBER_COST);
    for one in numbers {
        for key in prices_of(&one.insights) {
            for (tick, start) in number_ticks(one, window) {
                if let Some(cost) = price_on(&one.insights, key, start).1 {
                    let words = [key.0.as_str(), key.1.as_str(), &one.currency];
                    family.sample_at(&one.labels, &words, live::money(cost), tick);
                }
            }
            sink(&family.take())?;
        }
    }
    let mut family = page.family(&live::NUMBER_START);
    for one in numbers {
        for (tick, start) in number_ticks(one, window) {
            family.sample_at(&one.labels, &[], SampleValue::Time(start), tick);
        }
        sink(&family.take())?;
    }
    Ok(())
}

fn number_ticks(
    one: &PastNumber,
    window: TimeRange,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let first = one.insights.days().first().map(|day| day.start);
    ticks(one.insights.last_day, first, window)
}

fn first_day(insights: &TemplateInsights) -> Option<Timestamp> {
    insights.days().first().map(|day| day.start)
}

/// Each tick of the window with the start of the day that it shows: the last complete day, beginning with the first day
/// with figures.
fn ticks(
    last_day: Day,
    first: Option<Timestamp>,
    window: TimeRange,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let ticks = std::iter::successors(Some(window.since), move |tick| Some(tick.plus(window.step)));
    let ticks = ticks.take_while(move |tick| *tick < window.until);
    ticks.filter_map(move |tick| {
        let mut start = last_day.start;
        if tick < last_day.end {
            let days = last_day
                .end
                .since(tick)
                .as_millis()
                .div_ceil(DAY.as_millis());
            start = start.minus(DAY * u32::try_from(days).ok()?);
        }
        (start.plus(HALF_A_DAY) > first?).then_some((tick, start))
    })
}

fn is_same_day(one: Timestamp, other: Timestamp) -> bool {
    let distance = one.as_millis().abs_diff(other.as_millis());
    u128::from(distance) < HALF_A_DAY.as_millis()
}

fn figures_of(insights: &TemplateInsights, start: Timestamp) -> TemplateFigures {
    let days = insights.days();
    let place = days.partition_point(|day| day.start.plus(HALF_A_DAY) <= start);
    let day = days.get(place).filter(|day| is_same_day(day.start, start));
    day.map_or_else(TemplateFigures::nothing_sent, |day| day.figures)
}

type Price = (PricingCategory, PricingType);

fn prices_of(insights: &NumberInsights) -> BTreeSet<Price> {
    let days = insights.days().iter();
    days.map(|day| (day.category, day.pricing_type)).collect()
}

/// Volume and cost on a day; zero on a day without messages at this price.
fn price_on(insights: &NumberInsights, key: Price, start: Timestamp) -> (u64, Option<u64>) {
    let of_price = || {
        let days = insights.days().iter();
        days.filter(move |day| (day.category, day.pricing_type) == key)
    };
    let mut days = of_price();
    match days.find(|day| is_same_day(day.start, start)) {
        Some(day) => (day.volume, day.cost),
        None => (0, of_price().find_map(|day| day.cost).map(|_| 0)),
    }
}
