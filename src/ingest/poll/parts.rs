//! Divides the result of a large listing, so that webhooks do not wait until all of it is committed.
//!
//! All parts have the date of the poll, and only the last one is complete. Before it, no object counts as removed.
//! After it, the state is the same as if the listing had been committed as a whole.

use crate::domain::{Event, Fact, Listing};

/// Maximum number of templates in one commit, which takes a few milliseconds. An account has up to 6,000.
const MAX_TEMPLATES: usize = 250;

/// The events to commit one after the other for this one.
pub(super) fn parts(event: Event) -> Vec<Event> {
    let Fact::TemplatesListed(listing, totals) = event.fact else {
        return vec![event];
    };
    let (waba_id, observed_at, source) = (event.waba_id, event.observed_at, event.source);
    let last = listing.objects.len().saturating_sub(1) / MAX_TEMPLATES;
    let mut objects = listing.objects.into_iter();
    let part = |place| {
        let part = Listing {
            objects: objects.by_ref().take(MAX_TEMPLATES).collect(),
            complete: listing.complete && place == last,
        };
        Event {
            waba_id: waba_id.clone(),
            observed_at,
            source,
            fact: Fact::TemplatesListed(part, totals),
        }
    };
    (0..=last).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Source, TemplateId, Timestamp, WabaId, template};
    use crate::state::{Account, State};

    fn listed(at: i64, count: usize, complete: bool) -> Event {
        let id = |which| TemplateId::parse(&format!("{}", 7_000 + which)).expect("digits");
        let objects = (0..count).map(|which| template::Snapshot {
            status: Some(template::Status::Approved),
            ..template::Snapshot::new(id(which))
        });
        let listing = Listing {
            objects: objects.collect(),
            complete,
        };
        let totals = template::Totals {
            count: Some(count as u64),
            limit: None,
        };
        Event {
            waba_id: WabaId::parse("800").expect("digits"),
            observed_at: Timestamp::from_seconds(1_775_000_000 + at),
            source: Source::Poll,
            fact: Fact::TemplatesListed(listing, totals),
        }
    }

    fn account_after<'a>(events: impl IntoIterator<Item = &'a Event>) -> Account {
        let mut state = State::default();
        for event in events {
            state.watch([event.waba_id.clone()]);
            state.apply(event);
        }
        let account = state.accounts().values().next().expect("it is watched");
        account.as_ref().clone()
    }

    #[test]
    fn the_parts_have_the_effect_of_the_whole() {
        for (count, complete, expected) in [
            (0, true, 1),
            (250, true, 1),
            (251, true, 2),
            (1_000, false, 4),
        ] {
            let before = listed(0, 1_100, true);
            let whole = listed(60, count, complete);
            let parts = parts(whole.clone());
            assert_eq!(parts.len(), expected, "{count}");
            let divided = account_after([&before].into_iter().chain(&parts));
            assert_eq!(divided, account_after([&before, &whole]), "{count}");
            let left = if complete { count } else { 1_100 };
            assert_eq!(divided.templates().count(), left);
        }
    }
}
