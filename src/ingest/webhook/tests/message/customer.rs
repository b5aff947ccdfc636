//! The ids of customers and groups in messages and statuses.

use super::*;

const NEW_USER: &str = "US.13000000000000000002";

const GROUP: &str = "Y2FwaV9ncm91cDox";

#[test]
fn a_customer_has_all_ids_that_the_webhook_contains() {
    for (name, ids) in [
        ("messages_inbound_user_id_alone", &[USER][..]),
        ("messages_inbound_both_ids", &[USER, CUSTOMER]),
        ("messages_inbound_empty_number", &[USER]),
        ("messages_inbound_number_in_contact", &[USER, CUSTOMER]),
        ("messages_inbound_parent_user_id", &[USER]),
        // A change of one message has the contact of its sender, in whatever spelling.
        (
            "messages_inbound_other_spelling_in_contact",
            &["525550100111", "5215550100111"],
        ),
        ("messages_inbound_group", &[GROUP]),
    ] {
        assert_eq!(updates(name), [received(ids, Kind::Text)], "{name}");
    }
    assert_eq!(
        updates("messages_inbound_two_contacts"),
        [
            received(&[NEW_USER, "15550100112"], Kind::Text),
            received(&[USER, CUSTOMER], Kind::Text)
        ]
    );
    let sent = |ids: &[&str]| Update::Status {
        to: customer(ids),
        status: Status::Sent,
        category: Category::Unknown,
        errors: Vec::new(),
        mark: None,
    };
    for (name, ids) in [
        ("messages_status_sent_both_ids", &[USER, CUSTOMER][..]),
        ("messages_status_number_in_contact", &[USER, CUSTOMER]),
        ("messages_status_empty_number", &[USER]),
    ] {
        assert_eq!(updates(name), [sent(ids)], "{name}");
    }
}

#[test]
fn the_statuses_of_a_group_are_about_the_group_and_distinct_by_member() {
    let delivery = parsed_with_customers("messages_status_group");
    let keys: std::collections::BTreeSet<Source> =
        delivery.events.iter().map(|event| event.source).collect();
    assert_eq!(keys.len(), delivery.events.len());
    for update in updates("messages_status_group") {
        let Update::Status { to, .. } = update else {
            continue;
        };
        assert_eq!(to, customer(&[GROUP]));
    }
}

#[test]
fn a_notice_about_a_new_id_is_a_system_message_and_a_change_of_id() {
    let changed = |ids: &[&str]| Update::IdChanged(customer(ids).expect("it has ids"));
    assert_eq!(
        updates("messages_user_changed_user_id"),
        [received(&[USER], Kind::System), changed(&[NEW_USER, USER])]
    );
    assert_eq!(
        updates("messages_user_changed_number"),
        [
            received(&[NEW_USER, CUSTOMER], Kind::System),
            changed(&[NEW_USER, "15550100112", USER, CUSTOMER])
        ]
    );
    assert_eq!(
        updates("messages_user_changed_number_without_user_ids"),
        [
            received(&[CUSTOMER], Kind::System),
            changed(&["15550100112", CUSTOMER])
        ]
    );
    assert_eq!(
        updates("messages_user_identity_changed"),
        [received(&[USER], Kind::System)]
    );
}
