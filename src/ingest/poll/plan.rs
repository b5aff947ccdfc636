//! The planned number of calls of a configuration. Pure.

use std::time::Duration;

use super::Cadences;
use super::insights::calls_per_poll;
use crate::ingest::graph::LARGEST_PAGE;

const HOUR: Duration = Duration::from_secs(3_600);

/// Calls per hour for an account with this number of numbers and templates, without failures and triggers. Templates
/// count as one page until they are known.
/// Insights read several times a day, so their calls are those of one hour on average; their first poll, which reads
/// the past, takes some ten times as many.
#[must_use]
pub fn planned_calls(cadences: &Cadences, numbers: usize, templates: Option<usize>) -> u64 {
    let pages = |objects: usize| objects.div_ceil(LARGEST_PAGE as usize).max(1) as u64;
    let polls = |every: Duration| HOUR.as_secs().div_ceil(every.as_secs().max(1));
    let insights = cadences.insights.map_or(0, |options| {
        let templates = templates.unwrap_or(LARGEST_PAGE as usize);
        let calls = calls_per_poll(templates, &options);
        (calls * HOUR.as_secs()).div_ceil(options.interval.as_secs().max(1))
    });
    // The account's node includes its subscribed apps; if Meta refuses that, it takes one call more.
    polls(cadences.numbers) * pages(numbers)
        + polls(cadences.account)
        + polls(cadences.templates) * pages(templates.unwrap_or(1))
        + insights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::insights::DayZone;
    use crate::ingest::poll::InsightsOptions;

    #[test]
    fn calls_are_polls_times_pages() {
        let cadences = Cadences {
            numbers: Duration::from_secs(300),
            account: Duration::from_secs(900),
            templates: Duration::from_secs(900),
            insights: None,
            startup_spread: Duration::from_secs(180),
        };
        assert_eq!(planned_calls(&cadences, 1, None), 12 + 4 + 4);
        assert_eq!(planned_calls(&cadences, 0, Some(0)), 12 + 4 + 4);
        assert_eq!(planned_calls(&cadences, 101, Some(501)), 24 + 4 + 24);
        let insights = InsightsOptions {
            interval: Duration::from_secs(21_600),
            max_templates: 500,
            time_zone: DayZone::Utc,
        };
        let with_insights = Cadences {
            insights: Some(insights),
            ..cadences
        };
        let added = |numbers, templates| {
            let planned = |cadences| planned_calls(cadences, numbers, templates);
            planned(&with_insights) - planned(&cadences)
        };
        assert_eq!(added(1, Some(50)), 1, "six calls in six hours");
        assert_eq!(added(20, Some(500)), 9, "51 calls in six hours");
        assert_eq!(added(20, Some(6_000)), 9, "at most 500 templates");
        assert_eq!(added(1, None), 2, "a hundred templates");
    }
}
