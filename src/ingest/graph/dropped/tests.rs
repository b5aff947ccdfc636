//! Scope and duration of dropped fields, and their series on `/metrics`.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn target(endpoint: Endpoint, object: &str) -> RequestTarget<'_> {
    RequestTarget { endpoint, object }
}

fn new() -> (DroppedFields, Arc<Telemetry>) {
    let telemetry = Arc::new(Telemetry::new());
    (DroppedFields::new(Arc::clone(&telemetry)), telemetry)
}

/// The series of the gauge as (endpoint, field, account, value), sorted.
fn shown(telemetry: &Telemetry) -> Vec<(String, String, String, i64)> {
    let families = telemetry.gather();
    let name = "whatsapp_exporter_graph_field_dropped";
    let family = families.iter().find(|family| family.name() == name);
    let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
    let mut shown: Vec<_> = metrics
        .iter()
        .map(|metric| {
            let label = |name: &str| {
                let labels = metric.get_label();
                let label = labels.iter().find(|label| label.name() == name);
                label.expect("it has the label").value().to_owned()
            };
            #[expect(clippy::cast_possible_truncation, reason = "counts of clients")]
            let value = metric.get_gauge().get_value() as i64;
            (label("endpoint"), label("field"), label("waba_id"), value)
        })
        .collect();
    shown.sort();
    shown
}

fn series(endpoint: &str, field: &str, waba_id: &str) -> (String, String, String, i64) {
    (endpoint.into(), field.into(), waba_id.into(), 1)
}

#[test]
fn a_refused_field_is_left_out_for_a_day_and_then_requested_again() {
    let (fields, telemetry) = new();
    let of_one = target(Endpoint::PhoneNumbers, "1");
    let drop = |field| fields.drop_field(of_one, field, RejectionScope::Unknown, NOW);
    assert!(drop("account_mode"));
    assert!(!drop("account_mode"), "it is dropped already");
    assert!(!drop("never_requested"));
    let requested = |at| {
        let fields = fields.requested(of_one, &[], at);
        fields.split(',').any(|field| field == "account_mode")
    };
    assert!(!requested(NOW));
    assert_eq!(
        shown(&telemetry),
        [series("phone_numbers", "account_mode", "1")]
    );
    assert!(requested(NOW.plus(DROPPED_FOR)));
    assert_eq!(shown(&telemetry), []);
    let counter = &telemetry.graph_fields_dropped;
    assert_eq!(counter.with_label_values(&["phone_numbers"]).get(), 1);
}

#[test]
fn three_objects_drop_the_field_for_the_whole_endpoint_for_a_day() {
    let (fields, telemetry) = new();
    let at = |object| target(Endpoint::Account, object);
    let hour = Duration::from_secs(3_600);
    for (object, later) in [("1", 0), ("2", 1)] {
        let now = NOW.plus(hour * later);
        assert!(fields.drop_field(at(object), "status", RejectionScope::Unknown, now));
    }
    assert!(fields.requests(at("4"), "status", NOW.plus(hour)));
    assert!(fields.drop_field(
        at("3"),
        "status",
        RejectionScope::Unknown,
        NOW.plus(hour * 2)
    ));
    assert!(!fields.requests(at("4"), "status", NOW.plus(hour * 2)));
    assert!(
        fields.requests(
            target(Endpoint::PhoneNumbers, "4"),
            "status",
            NOW.plus(hour * 2)
        ),
        "another endpoint's field of the same name"
    );
    assert_eq!(shown(&telemetry), [series("account", "status", "")]);
    // The first object's day ends before the endpoint's.
    assert!(!fields.requests(at("1"), "status", NOW.plus(hour * 25)));
    assert!(fields.requests(at("1"), "status", NOW.plus(hour * 26)));
    assert_eq!(shown(&telemetry), []);
}

#[test]
fn expired_refusals_do_not_count_towards_the_endpoint() {
    let (fields, _) = new();
    let at = |object| target(Endpoint::Account, object);
    fields.drop_field(at("1"), "status", RejectionScope::Unknown, NOW);
    fields.drop_field(at("2"), "status", RejectionScope::Unknown, NOW);
    let later = NOW.plus(DROPPED_FOR);
    fields.drop_field(at("3"), "status", RejectionScope::Unknown, later);
    assert!(fields.requests(at("4"), "status", later));
}

#[test]
fn a_deprecated_field_is_requested_for_the_account_that_lacks_its_replacement() {
    let (fields, telemetry) = new();
    let tier = |object, at| {
        let requested = fields.requested(target(Endpoint::PhoneNumbers, object), &[], at);
        requested
            .split(',')
            .any(|field| field == "messaging_limit_tier")
    };
    let note = |object, node: Value, at| {
        fields.note_missing(target(Endpoint::PhoneNumbers, object), &[node], at)
    };
    let with =
        |limit: Value| serde_json::json!({"whatsapp_business_manager_messaging_limit": limit});
    assert!(!note("1", with("UNTIERED".into()), NOW));
    assert!(note("1", with(Value::Null), NOW), "null is missing");
    assert!(
        !note("1", with(Value::Null), NOW),
        "it is requested already"
    );
    assert!(tier("1", NOW) && !tier("2", NOW));
    let limit = |object, at| {
        let requested = fields.requested(target(Endpoint::PhoneNumbers, object), &[], at);
        requested.contains("whatsapp_business_manager_messaging_limit")
    };
    assert!(
        !limit("1", NOW) && limit("2", NOW),
        "instead, not in addition"
    );
    assert!(limit("1", NOW.plus(DROPPED_FOR)));
    assert_eq!(shown(&telemetry), [], "nothing was rejected");
    // Asked anew after a day, and after the account was forgotten.
    assert!(!tier("1", NOW.plus(DROPPED_FOR)));
    let later = NOW.plus(DROPPED_FOR);
    assert!(note("1", Value::Null, later) && tier("1", later));
    fields.forget("1");
    assert!(!tier("1", later));
    // No listing without objects lacks anything.
    assert!(!fields.note_missing(target(Endpoint::PhoneNumbers, "3"), &[], later));
}

#[test]
fn a_rejected_deprecated_field_is_not_requested_again() {
    let (fields, _) = new();
    let one = target(Endpoint::PhoneNumbers, "1");
    let node = [serde_json::json!({"id": "900"})];
    assert!(fields.note_missing(one, &node, NOW));
    assert!(fields.drop_field(one, "messaging_limit_tier", RejectionScope::Unknown, NOW));
    assert!(!fields.note_missing(one, &node, NOW));
    let requested = fields.requested(one, &[], NOW);
    assert!(!requested.contains("messaging_limit_tier"));
    assert!(requested.contains("whatsapp_business_manager_messaging_limit"));
}

#[test]
fn both_forms_are_requested_if_only_some_numbers_lack_the_new_one() {
    let (fields, _) = new();
    let one = target(Endpoint::PhoneNumbers, "1");
    let nodes = [
        serde_json::json!({"id": "900", "whatsapp_business_manager_messaging_limit": "TIER_2K"}),
        serde_json::json!({"id": "901"}),
    ];
    assert!(fields.note_missing(one, &nodes, NOW));
    let requested = fields.requested(one, &[], NOW);
    for field in [
        "messaging_limit_tier",
        "whatsapp_business_manager_messaging_limit",
    ] {
        assert!(requested.split(',').any(|one| one == field), "{field}");
    }
}

#[test]
fn object_rejections_never_drop_a_field_for_the_endpoint() {
    let (fields, telemetry) = new();
    let ids: Vec<String> = (0..50).map(|id| id.to_string()).collect();
    for id in &ids {
        let target = target(Endpoint::Account, id);
        assert!(fields.drop_field(target, "subscribed_apps", RejectionScope::OfObject, NOW));
    }
    assert!(fields.requests(target(Endpoint::Account, "x"), "subscribed_apps", NOW));
    assert_eq!(shown(&telemetry).len(), 50);
    ids.iter().for_each(|id| fields.forget(id));
    assert_eq!(shown(&telemetry), []);
}

#[test]
fn repeated_rejections_by_one_object_count_once() {
    let (fields, _) = new();
    let one = target(Endpoint::Account, "1");
    for day in 0..4 {
        let now = NOW.plus(DROPPED_FOR * day);
        assert!(fields.drop_field(one, "status", RejectionScope::Unknown, now));
        assert!(fields.requests(target(Endpoint::Account, "2"), "status", now));
    }
}

#[test]
fn a_replaced_client_removes_only_its_own_series() {
    let telemetry = Arc::new(Telemetry::new());
    let [old, new] = [(); 2].map(|()| DroppedFields::new(Arc::clone(&telemetry)));
    for fields in [&old, &new] {
        for object in ["1", "2", "3"] {
            let target = target(Endpoint::Account, object);
            fields.drop_field(target, "status", RejectionScope::Unknown, NOW);
        }
    }
    new.drop_field(
        target(Endpoint::OwnedAccounts, "5"),
        "name",
        RejectionScope::Unknown,
        NOW,
    );
    drop(old);
    let left = [
        series("account", "status", ""),
        series("owned_whatsapp_business_accounts", "name", ""),
    ];
    assert_eq!(shown(&telemetry), left);
    drop(new);
    assert_eq!(shown(&telemetry), []);
}

proptest! {
    /// For any sequence of rejections, a field that fewer than three objects lack is requested for all others,
    /// and the series match the dropped fields.
    #[test]
    fn a_rejection_never_exceeds_its_scope(
        refusals in prop::collection::vec((0..6_u8, prop::bool::ANY, 0..60_u32), 1..40),
    ) {
        let (fields, telemetry) = new();
        let mut now = NOW;
        let mut unknown_to: BTreeMap<u8, Timestamp> = BTreeMap::new();
        for (object, is_unknown, hours) in refusals {
            now = now.plus(Duration::from_secs(3_600) * hours);
            let refusal = if is_unknown { RejectionScope::Unknown } else { RejectionScope::OfObject };
            let id = object.to_string();
            if is_unknown {
                unknown_to.insert(object, now);
            }
            fields.drop_field(target(Endpoint::Account, &id), "status", refusal, now);
            let lately = unknown_to.values().filter(|at| at.plus(DROPPED_FOR * 2) > now);
            if lately.count() < OBJECTS_FOR_ENDPOINT {
                prop_assert!(fields.requests(target(Endpoint::Account, "stranger"), "status", now));
            }
            let drops = fields.lock();
            let of_objects: usize = drops.by_object.values().map(BTreeMap::len).sum();
            let expected = of_objects + drops.by_endpoint.len();
            drop(drops);
            prop_assert_eq!(shown(&telemetry).len(), expected);
        }
    }
}
