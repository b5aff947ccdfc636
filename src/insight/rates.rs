//! The rates of a template's messages: read, clicked and replied to, out of those delivered.

use crate::domain::insights::{Stage, TemplateFigures};
use crate::state::TemplateInsights;

/// Number of days before the last complete one of which the median is taken.
pub const MEDIAN_DAYS: u32 = 28;

/// Minimum number of days with messages for a median. With less than a week, the median depends more on the days of the
/// week than on the template.
pub const LEAST_DAYS: usize = 7;

/// A share of a template's delivered messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// Messages read.
    Read,
    /// Clicks on buttons. A message can be clicked more than once, so the rate can exceed 1.
    Click,
    /// Messages replied to.
    Reply,
}

impl Rate {
    /// All rates.
    pub const ALL: [Self; 3] = [Self::Read, Self::Click, Self::Reply];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Click => "click",
            Self::Reply => "reply",
        }
    }

    /// The stage whose messages are counted.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            Self::Read => Stage::Read,
            Self::Click => Stage::Clicked,
            Self::Reply => Stage::Replied,
        }
    }

    /// The rate in these figures. `None` without a delivered message, and if Meta does not report the stage.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a day has far fewer messages than an f64 can represent"
    )]
    pub fn in_figures(self, figures: TemplateFigures) -> Option<f64> {
        let delivered = figures.delivered.filter(|delivered| *delivered > 0)?;
        Some(figures.stage(self.stage())? as f64 / delivered as f64)
    }

    /// The median of the rate over the [`MEDIAN_DAYS`] days before the last complete one. `None` with fewer than
    /// [`LEAST_DAYS`] days on which messages were delivered.
    #[must_use]
    pub fn median(self, insights: &TemplateInsights) -> Option<f64> {
        let days = insights.last_days(MEDIAN_DAYS + 1);
        let earlier = days.filter(|day| day.start < insights.last_day.start);
        let rates = earlier.filter_map(|day| self.in_figures(day.figures));
        let mut rates: Vec<f64> = rates.collect();
        if rates.len() < LEAST_DAYS {
            return None;
        }
        rates.sort_by(f64::total_cmp);
        let middle = rates.len() / 2;
        Some(if rates.len().is_multiple_of(2) {
            f64::midpoint(rates[middle - 1], rates[middle])
        } else {
            rates[middle]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::insights::{Day, Snapshot, TemplateDay, TemplatesRead};
    use crate::domain::{Event, Fact, Listing, Source, TemplateId, Timestamp, WabaId, template};
    use crate::state::State;

    fn day(which: i64) -> Day {
        let start = 1_775_001_600 + which * 86_400;
        Day {
            start: Timestamp::from_seconds(start),
            end: Timestamp::from_seconds(start + 86_400),
        }
    }

    fn figures(delivered: u64, read: u64) -> TemplateFigures {
        TemplateFigures {
            delivered: Some(delivered),
            read: Some(read),
            ..TemplateFigures::default()
        }
    }

    /// The insights after days with these figures, up to day 39.
    fn insights(days: &[(i64, TemplateFigures)]) -> TemplateInsights {
        let id = TemplateId::parse("7001").expect("digits");
        let waba_id = WabaId::parse("800100").expect("digits");
        let mut state = State::default();
        state.watch([waba_id.clone()]);
        let listing = Listing {
            objects: vec![template::Snapshot::new(id.clone())],
            complete: true,
        };
        let days = days.iter().map(|(which, figures)| TemplateDay {
            template_id: id.clone(),
            day: day(*which),
            figures: *figures,
        });
        let read = TemplatesRead {
            templates: vec![id.clone()],
            days: days.collect(),
            last_day: day(39),
        };
        let snapshot = Snapshot {
            templates: Some(read),
            complete: true,
            ..Snapshot::default()
        };
        let facts = [
            Fact::TemplatesListed(listing, template::Totals::default()),
            Fact::InsightsRead(snapshot),
        ];
        for fact in facts {
            state.apply(&Event {
                waba_id: waba_id.clone(),
                observed_at: day(40).start,
                source: Source::Poll,
                fact,
            });
        }
        let account = &state.accounts()[&waba_id];
        account.template_insights(&id).expect("it was read").clone()
    }

    #[test]
    fn a_median_is_of_the_days_before_the_last_one_and_needs_a_week() {
        let mut days: Vec<(i64, TemplateFigures)> =
            (33..39).map(|which| (which, figures(10, 5))).collect();
        // The last day, a day without deliveries and one that is too long ago do not count.
        days.extend([
            (39, figures(10, 10)),
            (30, figures(0, 0)),
            (10, figures(10, 9)),
        ]);
        assert_eq!(Rate::Read.median(&insights(&days)), None, "six days");
        days.push((20, figures(10, 1)));
        assert_eq!(Rate::Read.median(&insights(&days)), Some(0.5));
        days.push((21, figures(10, 10)));
        days.push((22, figures(10, 9)));
        let eight_or_more = Rate::Read.median(&insights(&days));
        assert_eq!(eight_or_more, Some(0.5));
        assert_eq!(
            Rate::Click.median(&insights(&days)),
            None,
            "Meta reports no clicks"
        );
    }

    #[test]
    fn an_even_number_of_days_has_the_mean_of_the_two_in_the_middle() {
        let days: Vec<_> = (1..9_i64)
            .map(|which| (29 + which, figures(100, 10 * which.unsigned_abs())))
            .collect();
        let median = Rate::Read.median(&insights(&days)).expect("eight days");
        assert!((median - 0.45).abs() < 1e-9, "{median}");
    }

    #[test]
    fn a_rate_needs_delivered_messages() {
        assert_eq!(Rate::Read.in_figures(figures(0, 0)), None);
        assert_eq!(Rate::Read.in_figures(TemplateFigures::default()), None);
        assert_eq!(Rate::Read.in_figures(figures(4, 1)), Some(0.25));
    }
}
