//! The status of groups: each group of a webhook has its own time.

use whatsapp_business_exporter::domain::number::Status;
use whatsapp_business_exporter::state::State;

use super::{deliver, state_with};
use crate::support::{at, number_id};

/// Delivers the status of groups: id, whether suspended, and time.
fn groups(state: &mut State, received: i64, groups: &[(&str, bool, i64)]) {
    let groups = groups.iter().map(|(id, is_suspended, seconds)| {
        let kind = if *is_suspended {
            "group_suspend"
        } else {
            "group_suspend_cleared"
        };
        let time = at(*seconds).as_millis() / 1000;
        format!(r#"{{"group_id":"{id}","type":"{kind}","timestamp":"{time}"}}"#)
    });
    let groups = groups.collect::<Vec<_>>().join(",");
    let change = format!(
        r#"{{"field":"group_status_update","value":{{"metadata":{{"display_phone_number":"15550100199"}},"groups":[{groups}]}}}}"#
    );
    deliver(state, received, "", &change);
}

fn suspended(state: &State) -> Option<u64> {
    let account = state.accounts().values().next().expect("it is watched");
    account
        .number(&number_id(0))
        .expect("it is listed")
        .suspended_groups()
}

fn listed() -> State {
    state_with(&[("+1 555-010-0199", Status::Connected)])
}

#[test]
fn a_group_that_is_cleared_in_the_webhook_of_its_suspension_is_not_suspended() {
    let mut state = listed();
    groups(&mut state, 200, &[("g1", true, 100), ("g1", false, 160)]);
    assert_eq!(suspended(&state), Some(0));
    groups(&mut state, 400, &[("g1", false, 300), ("g1", true, 350)]);
    assert_eq!(suspended(&state), Some(1));
}

#[test]
fn a_late_webhook_changes_only_groups_without_a_later_status() {
    let mut state = listed();
    groups(&mut state, 310, &[("g1", false, 300)]);
    groups(&mut state, 510, &[("g1", true, 100), ("g2", true, 500)]);
    assert_eq!(suspended(&state), Some(1));
}
