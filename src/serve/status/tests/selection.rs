//! Searches for accounts, and the pages of a fleet.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::serve::status::selection::AccountSearch;

/// A fleet of accounts with one number each, of which the last is RED.
fn fleet(accounts: usize) -> Facts {
    fleet_with_templates(accounts, 0)
}

fn fleet_with_templates(accounts: usize, templates_each: usize) -> Facts {
    let mut state = State::default();
    let ids =
        (0..accounts).map(|which| WabaId::parse(&format!("80010{which:03}")).expect("digits"));
    let ids: Vec<WabaId> = ids.collect();
    state.watch(ids.iter().cloned());
    for (which, waba_id) in ids.iter().enumerate() {
        let is_last = which + 1 == accounts;
        let rating = if is_last {
            QualityRating::Red
        } else {
            QualityRating::Green
        };
        let name = format!("Branch {which}");
        let listed = numbers(vec![number(which, rating, &name)]);
        let named = account::Snapshot {
            name: Some(format!("Café N{which}")),
            ..account::Snapshot::new()
        };
        let objects = (0..templates_each).map(|one| template(one, template::Status::Approved));
        let templates = templates(objects.collect());
        for event in [listed, templates, polled(Fact::AccountRead(named))] {
            let waba_id = waba_id.clone();
            state.apply(&Event { waba_id, ..event });
        }
    }
    Facts {
        accounts: state.accounts().clone(),
        ..facts(&[])
    }
}

fn found(facts: &Facts, text: &str) -> Vec<String> {
    let order: Vec<WabaId> = facts.accounts.keys().cloned().collect();
    let search = AccountSearch::new(text).expect("short enough");
    let found = search.find(facts, &order);
    found.iter().map(WabaId::to_string).collect()
}

#[test]
fn accounts_are_found_by_their_ids_names_and_numbers() {
    let facts = fleet(40);
    for text in [
        "80010017",
        "CAFÉ n17",
        "branch 17",
        "90010017",
        "+1 (555) 010-0017",
        "5550100017",
    ] {
        assert_eq!(found(&facts, text), ["80010017"], "{text}");
    }
    assert_eq!(found(&facts, "Café N3").len(), 11);
    assert_eq!(found(&facts, "café").len(), 40);
    // Digits in a name are not a phone number.
    assert_eq!(found(&facts, "nobody 5550100017"), [""; 0]);
    assert!(AccountSearch::new(&"x".repeat(257)).is_err());
}

fn page_of(facts: &Facts, search: Option<&str>, offset: usize) -> Status {
    let overview = Overview::new(facts, &Digests::default());
    let search = search.map(|text| AccountSearch::new(text).expect("short enough"));
    let found = match &search {
        Some(search) => search.find(facts, &overview.order),
        None => overview.order.clone(),
    };
    let selection = AccountSelection {
        found: found.len(),
        shown: found.into_iter().skip(offset).take(20).collect(),
        search,
        offset,
        limit: 20,
    };
    Status::new(facts, overview, selection, Ok(&calm_steps()))
}

#[test]
fn a_fleet_is_paged_worst_first() {
    let facts = fleet(45);
    let first = page_of(&facts, None, 0);
    assert_eq!(first.accounts[0].waba_id, "80010044");
    assert_eq!((first.previous_offset, first.next_offset), (None, Some(20)));
    let drawn = page::draw(&first);
    assert!(
        drawn.contains("Accounts 1 to 20 of 45, worst first"),
        "{drawn}"
    );
    assert!(
        drawn.contains(r#"<a rel="next" href="./?offset=20">Next page</a>"#),
        "{drawn}"
    );
    assert!(!drawn.contains("Previous page"), "{drawn}");
    let last = page_of(&facts, None, 40);
    assert_eq!((last.previous_offset, last.next_offset), (Some(20), None));
    let drawn = page::draw(&last);
    assert!(
        drawn.contains("Accounts 41 to 45 of 45, worst first"),
        "{drawn}"
    );
    let beyond = page::draw(&page_of(&facts, None, 60));
    assert!(beyond.contains("No more accounts"), "{beyond}");
}

#[test]
fn a_search_is_kept_in_the_field_and_in_the_links() {
    let facts = fleet(45);
    let status = page_of(&facts, Some("Café"), 0);
    assert_eq!(status.accounts_found, 45);
    let drawn = page::draw(&status);
    assert!(drawn.contains(r#"name="q" value="Café""#), "{drawn}");
    assert!(
        drawn.contains(r#"href="./?q=Caf%C3%A9&amp;offset=20""#),
        "{drawn}"
    );
    let nothing = page_of(&facts, Some("<script>"), 0);
    assert_eq!((nothing.accounts_found, nothing.summary.accounts), (0, 45));
    let drawn = page::draw(&nothing);
    assert!(
        drawn.contains("0 accounts found for <bdi>&lt;script&gt;</bdi>"),
        "{drawn}"
    );
}

#[test]
fn a_small_page_has_no_search_field() {
    let drawn = page::draw(&page_of(&fleet(20), None, 0));
    assert!(!drawn.contains("<form"), "{drawn}");
    assert!(!drawn.contains("Pages of accounts"), "{drawn}");
}

/// What this thread has used.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).expect("it is not negative")
}

#[test]
fn a_page_of_a_larger_fleet_takes_hardly_longer() {
    let fleets = [400, 1_600].map(|accounts| fleet_with_templates(accounts, 30));
    let digests = fleets.each_ref().map(|_| Digests::default());
    let mut pages = [String::new(), String::new()];
    let mut fastest = [Duration::MAX; 2];
    // In time of the processor, alternately, and only the fastest of each counts, so that a busy machine slows both alike.
    for round in 0..16 {
        for (which, facts) in fleets.iter().enumerate() {
            let began = processor_time();
            let mut overview = Overview::new(facts, &digests[which]);
            let order = std::mem::take(&mut overview.order);
            let selection = AccountSelection {
                found: order.len(),
                shown: order.into_iter().take(100).collect(),
                limit: 100,
                ..AccountSelection::default()
            };
            pages[which] = page::draw(&Status::new(facts, overview, selection, Ok(&calm_steps())));
            // The first response computes the digests, which the exporter does in the background.
            if round > 0 {
                fastest[which] = fastest[which].min(processor_time() - began);
            }
        }
    }
    let [small, large] = fastest.map(|time| time.as_secs_f64());
    assert!(large < 3.0 * small, "{small} s, then {large} s");
    let [small, large] = pages.each_ref().map(String::len);
    assert!(
        large < small + small / 10,
        "{small} bytes, then {large} bytes"
    );
}
