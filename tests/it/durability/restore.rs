//! `restore(persist(s))` shows what `s` shows, and the history does not depend on the order of arrival.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use whatsapp_business_exporter::domain::Event;
use whatsapp_business_exporter::state::Accounts;
use whatsapp_business_exporter::store::{HistoryRow, Location, Store};

use crate::reducer_properties::{events, events_and_a_shuffle};
use crate::support::store::{NewStore, with_data};
use crate::support::{at, store, text_at, waba};

const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

async fn opened(location: &Location) -> Store {
    let store = store::opened(location, FOR_EVER).await;
    let watched = store.watch(BTreeSet::from([waba()])).await;
    watched.expect("a sound store");
    store
}

async fn commit_each(store: &Store, events: &[Event]) {
    for event in events {
        let committed = store.commit(vec![event.clone()]).await;
        committed.expect("a sound store");
    }
}

fn text_of(accounts: &Accounts) -> String {
    text_at(accounts, at(0))
}

async fn history(store: &Store) -> Vec<HistoryRow> {
    let rows = store
        .history()
        .rows(&store::every_line(), u32::MAX, 0)
        .await;
    rows.expect("a readable history")
}

/// Reads back halfway and at the end, and applies later events to the result.
async fn shows_the_same_after_a_restart(
    new: &NewStore,
    events: &[Event],
) -> Result<(), TestCaseError> {
    let location = &new.location;
    let (first, second) = events.split_at(events.len() / 2);
    for part in [first, second, first] {
        let store = opened(location).await;
        commit_each(&store, part).await;
        let (before, known) = (store.snapshot(), history(&store).await);
        store.close().await;
        drop(store);

        let store = opened(location).await;
        prop_assert_eq!(with_data(&before), with_data(&store.snapshot()));
        prop_assert_eq!(text_of(&before), text_of(&store.snapshot()));
        prop_assert_eq!(known, history(&store).await);
        store.close().await;
    }
    Ok(())
}

async fn assert_same_history(
    location: &Location,
    in_order: &[Event],
    shuffled: &[Event],
) -> Result<(), TestCaseError> {
    let (plain, other) = (opened(&Location::Memory).await, opened(location).await);
    commit_each(&plain, in_order).await;
    // In one commit, which both deletes and adds lines.
    let committed = other.commit(shuffled.to_vec()).await;
    committed.expect("a sound store");
    prop_assert_eq!(history(&plain).await, history(&other).await);
    other.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn a_restart_changes_nothing(events in events()) {
        let runtime = Runtime::new().expect("a runtime");
        let new = NewStore::sqlite();
        runtime.block_on(shows_the_same_after_a_restart(&new, &events))?;
    }

    #[test]
    fn the_history_is_the_same_in_any_order_of_arrival((events, shuffled) in events_and_a_shuffle()) {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(assert_same_history(&Location::Memory, &events, &shuffled))?;
    }
}

proptest! {
    // A replica acquires 64 shards at each start.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn a_restart_changes_nothing_on_postgresql(events in events()) {
        let runtime = Runtime::new().expect("a runtime");
        let new = NewStore::postgres();
        runtime.block_on(shows_the_same_after_a_restart(&new, &events))?;
    }

    #[test]
    fn both_engines_have_the_same_history((events, shuffled) in events_and_a_shuffle()) {
        let runtime = Runtime::new().expect("a runtime");
        let new = NewStore::postgres();
        runtime.block_on(assert_same_history(&new.location, &events, &shuffled))?;
    }
}
