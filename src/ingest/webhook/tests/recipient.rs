//! The customer in webhooks that matter for the count of recipients.

use serde_json::{Value, json};

use super::{ACCOUNT, customers, fixture};
use crate::domain::message::{Update, WebhookUpdate};
use crate::domain::{Fact, RecipientIds, Timestamp, WebhookField};
use crate::ingest::webhook::Delivery;

const USER: &str = "US.13000000000000000001";
const TELEPHONE: &str = "15550100111";
const RECEIVED_AT: Timestamp = Timestamp::from_seconds(1_775_000_003);

fn ids(user_id: Option<&str>, others: &[&str]) -> Option<RecipientIds> {
    let customers = customers();
    let hash = |id: &&str| customers.recipient(id);
    RecipientIds::new(user_id.as_ref().map(hash), others.iter().map(hash))
}

fn read(body: &[u8]) -> Vec<WebhookUpdate> {
    let delivery = Delivery::parse(body, RECEIVED_AT, Some(&customers())).expect("JSON");
    let facts = delivery.events.into_iter().map(|event| event.fact);
    let updates = facts.filter_map(|fact| match fact {
        Fact::Message(update) => Some(update),
        _ => None,
    });
    updates.collect()
}

fn recipients(field: &str, lists: Value) -> Vec<Option<RecipientIds>> {
    let mut value = lists;
    value["metadata"] = json!({"phone_number_id": "900100200300400"});
    let changes = json!([{"field": field, "value": value}]);
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": changes}]});
    let updates = read(&serde_json::to_vec(&body).expect("JSON"));
    updates.into_iter().map(|update| update.recipient).collect()
}

fn status(word: &str, more: Value) -> Value {
    let mut status = more;
    status["id"] = "wamid.A".into();
    status["status"] = word.into();
    status["timestamp"] = "1775000000".into();
    json!({ "statuses": [status] })
}

#[test]
fn deliveries_and_messages_name_the_customer_and_other_statuses_do_not() {
    let both = json!({"recipient_id": TELEPHONE, "recipient_user_id": USER});
    for (word, expected) in [
        ("delivered", ids(Some(USER), &[TELEPHONE])),
        ("sent", None),
        ("read", None),
        ("failed", None),
        ("in_orbit", None),
    ] {
        let found = recipients("messages", status(word, both.clone()));
        assert_eq!(found, [expected], "{word}");
    }
    for (more, expected) in [
        (
            json!({"recipient_id": "", "recipient_user_id": USER}),
            ids(Some(USER), &[]),
        ),
        (json!({"recipient_id": TELEPHONE}), ids(None, &[TELEPHONE])),
        (json!({}), None),
        (
            json!({"recipient_type": "GROUP", "recipient_id": "g", "recipient_participant_user_id": USER}),
            None,
        ),
    ] {
        assert_eq!(
            recipients("messages", status("delivered", more)),
            [expected]
        );
    }
    let of_fixture = |name: &str| read(&fixture(name))[0].recipient.clone();
    assert_eq!(of_fixture("standby_status"), ids(None, &[TELEPHONE]));
    assert_eq!(of_fixture("standby_message"), ids(Some(USER), &[TELEPHONE]));
    let group = json!({"messages": [{"id": "wamid.A", "type": "text", "from": TELEPHONE, "group_id": "g"}]});
    assert_eq!(recipients("messages", group), [None]);
}

#[test]
fn a_call_of_a_customer_names_the_customer() {
    let call = |more: Value| {
        let mut call = json!({"id": "wacid.A", "timestamp": "1775000000"});
        for (key, value) in more.as_object().expect("an object") {
            call[key] = value.clone();
        }
        call
    };
    let from = json!({"from": TELEPHONE, "event": "connect", "direction": "USER_INITIATED"});
    let alone = |more: Value| recipients("calls", json!({"calls": [call(more)]}));
    assert_eq!(alone(from.clone()), [ids(None, &[TELEPHONE])]);
    let odd = json!({"from": "", "from_user_id": USER, "direction": "user_initiated"});
    assert_eq!(alone(odd), [ids(Some(USER), &[])]);
    for other in [
        json!({"from": TELEPHONE, "event": "connect", "direction": "BUSINESS_INITIATED"}),
        json!({"from": TELEPHONE, "event": "terminate", "direction": "USER_INITIATED"}),
        json!({"from": TELEPHONE, "event": "connect"}),
    ] {
        assert_eq!(alone(other.clone()), [], "{other}");
    }
    // The contact has both ids. A single object stands for a list of one.
    let contact = json!({"wa_id": TELEPHONE, "user_id": USER});
    let with_contact = json!({"calls": call(from.clone()), "contacts": [contact.clone()]});
    assert_eq!(
        recipients("calls", with_contact),
        [ids(Some(USER), &[TELEPHONE])]
    );
    let two = json!({"calls": [call(from.clone()), call(from)], "contacts": [contact]});
    let expected = ids(None, &[TELEPHONE]);
    assert_eq!(recipients("calls", two), [expected.clone(), expected]);
}

#[test]
fn a_call_counts_for_its_field_and_for_nothing_else() {
    let value = json!({
        "metadata": {"phone_number_id": "900100200300400"},
        "calls": [{"id": "wacid.A", "from": TELEPHONE, "direction": "USER_INITIATED", "timestamp": "1775000000"}],
    });
    let entry = json!({"id": ACCOUNT, "changes": [{"field": "calls", "value": value}]});
    let body = json!({"object": "whatsapp_business_account", "entry": [entry]});
    let body = serde_json::to_vec(&body).expect("JSON");
    let tracked = Delivery::parse(&body, RECEIVED_AT, Some(&customers())).expect("JSON");
    assert_eq!(tracked.fields, [WebhookField::Calls]);
    let [event] = &tracked.events[..] else {
        panic!("one event: {:?}", tracked.events)
    };
    assert_eq!(event.observed_at, Timestamp::from_seconds(1_775_000_000));
    let Fact::Message(WebhookUpdate { update, .. }) = &event.fact else {
        panic!("a call: {:?}", event.fact)
    };
    assert_eq!(*update, Update::Called);
    assert!(!format!("{tracked:?}").contains(TELEPHONE));
    let untracked = Delivery::parse(&body, RECEIVED_AT, None).expect("JSON");
    assert_eq!(untracked.fields, [WebhookField::Calls]);
    assert_eq!(untracked.events[0].fact, Fact::Unwatched);
}
