//! The planned number of calls of a configuration. Pure.

use std::time::Duration;

use super::Cadences;
use crate::ingest::graph::LARGEST_PAGE;

const HOUR: Duration = Duration::from_secs(3_600);

/// Calls per hour for an account with this number of numbers and templates, without failures and triggers. Templates
/// count as one page until they are known.
#[must_use]
pub fn planned_calls(cadences: &Cadences, numbers: usize, templates: Option<usize>) -> u64 {
    let pages = |objects: usize| objects.div_ceil(LARGEST_PAGE as usize).max(1) as u64;
    let polls = |every: Duration| HOUR.as_secs().div_ceil(every.as_secs().max(1));
    // The account's node includes its subscribed apps; if Meta refuses that, it takes one call more.
    polls(cadences.numbers) * pages(numbers)
        + polls(cadences.account)
        + polls(cadences.templates) * pages(templates.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_polls_times_pages() {
        let cadences = Cadences {
            numbers: Duration::from_secs(300),
            account: Duration::from_secs(900),
            templates: Duration::from_secs(900),
            insights: None,
        };
        assert_eq!(planned_calls(&cadences, 1, None), 12 + 4 + 4);
        assert_eq!(planned_calls(&cadences, 0, Some(0)), 12 + 4 + 4);
        assert_eq!(planned_calls(&cadences, 101, Some(501)), 24 + 4 + 24);
    }
}
