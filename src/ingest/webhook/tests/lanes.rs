//! Lanes of whole deliveries.

use std::fs;

use super::{ACCOUNT, RECEIVED_AT, customers, folder};
use crate::domain::{LaneKind, LaneSet, MAX_LANES};
use crate::ingest::webhook::{Delivery, Hashers};

fn delivery(body: &[u8], is_tracked: bool) -> Delivery {
    let customers = customers();
    let hashers = Hashers {
        declared: None,
        conversations: Some(&customers).filter(|_| is_tracked),
        lanes: Some(&customers),
    };
    Delivery::parse_with(body, RECEIVED_AT, hashers).expect("JSON")
}

fn lanes_of(entries: &str) -> LaneSet {
    let body = format!(r#"{{"object":"whatsapp_business_account","entry":{entries}}}"#);
    delivery(body.as_bytes(), false).lanes
}

fn message(customer: &str) -> String {
    format!(
        r#"{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100199","phone_number_id":"900"}},"messages":[{{"from":"{customer}","id":"wamid.1","type":"text"}}]}}}}"#
    )
}

fn entry(account: &str, changes: &[String]) -> String {
    let changes = changes.join(",");
    format!(r#"[{{"id":"{account}","time":1775000000,"changes":[{changes}]}}]"#)
}

#[test]
fn finding_lanes_changes_nothing_else_and_does_not_depend_on_trackers() {
    for file in fs::read_dir(folder()).expect("fixtures") {
        let path = file.expect("a file").path();
        let body = fs::read(&path).expect("a fixture");
        let customers = customers();
        for tracked in [None, Some(&customers)] {
            let Ok(mut without) = Delivery::parse(&body, RECEIVED_AT, tracked) else {
                continue;
            };
            assert_eq!(without.lanes, LaneSet::default());
            let with = delivery(&body, tracked.is_some());
            assert_eq!(
                with.lanes,
                delivery(&body, tracked.is_none()).lanes,
                "{path:?}"
            );
            without.lanes = with.lanes.clone();
            assert_eq!(without, with, "{path:?}");
        }
    }
}

#[test]
fn conversations_and_fields_have_separate_lanes() {
    let account = ACCOUNT;
    let both = lanes_of(&entry(account, &[message("1"), message("2"), message("1")]));
    let (one, other) = (
        lanes_of(&entry(account, &[message("1")])).into_lanes(),
        lanes_of(&entry(account, &[message("2")])).into_lanes(),
    );
    let both = both.into_lanes();
    assert_eq!((both.kind, both.keys.len()), (LaneKind::Messages, 2));
    assert!(both.keys.contains(&one.keys[0]) && both.keys.contains(&other.keys[0]));

    let event = |field: &str| format!(r#"{{"field":"{field}","value":{{}}}}"#);
    let lanes = |field: &str| lanes_of(&entry(account, &[event(field)])).into_lanes();
    let update = lanes("account_update");
    assert_eq!((update.kind, update.keys.len()), (LaneKind::Management, 1));
    assert_ne!(update, lanes("flows"));
    assert_ne!(update, lanes("a_field_of_tomorrow"));
    let mixed = lanes_of(&entry(account, &[event("account_update"), message("1")])).into_lanes();
    assert_eq!((mixed.kind, mixed.keys.len()), (LaneKind::Messages, 2));
}

#[test]
fn an_unreadable_change_has_the_lane_of_its_account_or_none() {
    let unreadable = |entries: &str| {
        let lanes = lanes_of(entries).into_lanes();
        (lanes.kind, lanes.keys.len())
    };
    for changes in [
        r#""changes":7"#,
        r#""changes":[null]"#,
        r#""changes":[{"value":{}}]"#,
        r#""x":1"#,
    ] {
        let of_account = format!(r#"[{{"id":"800",{changes}}}]"#);
        assert_eq!(
            unreadable(&of_account),
            (LaneKind::Management, 1),
            "{changes}"
        );
        let of_nobody = format!("[{{{changes}}}]");
        assert_eq!(
            unreadable(&of_nobody),
            (LaneKind::Management, 0),
            "{changes}"
        );
    }
    assert_eq!(unreadable("7"), (LaneKind::Management, 0));
    let no_number = r#"[{"id":"800","changes":[{"field":"messages","value":{"from":"1"}}]}]"#;
    assert_eq!(unreadable(no_number), (LaneKind::Messages, 1));
    let no_value = r#"[{"id":"800","changes":[{"field":"messages"}]}]"#;
    assert_eq!(unreadable(no_value), (LaneKind::Messages, 1));
}

#[test]
fn a_delivery_with_too_many_conversations_has_no_lanes() {
    let of_customers = |count: usize| {
        let messages: Vec<String> = (0..count)
            .map(|n| message(&format!("1555{n:07}")))
            .collect();
        let lanes = lanes_of(&entry("800", &messages)).into_lanes();
        (lanes.kind, lanes.keys.len())
    };
    assert_eq!(of_customers(1_000), (LaneKind::Messages, 1_000));
    assert_eq!(of_customers(MAX_LANES + 1), (LaneKind::AllMessages, 0));
}
