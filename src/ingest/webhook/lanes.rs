//! Determines the relay lanes of a change: its conversations, or its account and field.

use serde_json::Value;

use crate::domain::{DisplayDigits, LaneSet, PhoneNumberId};
use crate::ingest::key::delivery_key;
use crate::ingest::{CustomerHasher, text_or_number};

/// Keys under which Meta's values contain a customer or a group. A customer may have a telephone number, an id of
/// Meta's, or both. A change that contains both belongs to both lanes. `id` is a customer only in the threads of
/// `history`.
const CUSTOMER: [&str; 14] = [
    "from",
    "from_user_id",
    "to",
    "to_user_id",
    "recipient_id",
    "recipient_user_id",
    "recipient_participant_id",
    "recipient_participant_user_id",
    "participant_recipient_id",
    "participant_recipient_user_id",
    "wa_id",
    "user_id",
    "previous_user_id",
    "group_id",
];

/// Maximum depth of nested lists that are searched for customers: `history[].threads[].messages[]` is the deepest
/// that Meta documents.
const MAX_DEPTH: usize = 4;

/// Adds the lanes of a change that names one of the business' phone numbers; returns whether it does.
pub fn add_conversations(value: &Value, hasher: &CustomerHasher, lanes: &mut LaneSet) -> bool {
    let Some(metadata) = value.get("metadata") else {
        return false;
    };
    let id = metadata.get("phone_number_id").and_then(text_or_number);
    let Some(number) = id.and_then(|id| PhoneNumberId::parse(&id)) else {
        return false;
    };
    let own_digits = metadata.get("display_phone_number").and_then(Value::as_str);
    let search = LaneSearch {
        hasher,
        number: &number,
        own_digits: own_digits.and_then(DisplayDigits::parse),
    };
    if !search.lists_in(value, MAX_DEPTH, lanes) {
        // The change concerns no customer, for example an error of the number itself.
        lanes.add_conversation(search.lane_of(""));
    }
    true
}

/// The lane of an account's field.
pub fn for_account(account: &str, field: &str) -> u64 {
    low_bits(delivery_key(account, "", field, "").0)
}

struct LaneSearch<'a> {
    hasher: &'a CustomerHasher,
    number: &'a PhoneNumberId,
    /// Digits of the business' own number, which echoes of its messages name as their sender.
    own_digits: Option<DisplayDigits>,
}

impl LaneSearch<'_> {
    fn lists_in(&self, value: &Value, depth: usize, lanes: &mut LaneSet) -> bool {
        let Some(map) = value.as_object().filter(|_| depth > 0) else {
            return false;
        };
        let mut found = false;
        for (key, list) in map {
            let single = std::slice::from_ref(list);
            let list = match list {
                Value::Array(list) => list.as_slice(),
                // Meta sometimes writes a list of one as an object.
                Value::Object(_) if key != "metadata" => single,
                _ => continue,
            };
            for element in list {
                found |= self.customers_in(element, key == "threads", lanes);
                found |= self.lists_in(element, depth - 1, lanes);
            }
        }
        found
    }

    fn customers_in(&self, element: &Value, is_thread: bool, lanes: &mut LaneSet) -> bool {
        let keys = CUSTOMER.iter().chain(is_thread.then_some(&"id"));
        let mut found = false;
        for customer in keys.filter_map(|key| element.get(*key).and_then(Value::as_str)) {
            let is_own = self.own_digits.as_ref().map(DisplayDigits::as_str) == Some(customer);
            if !(customer.is_empty() || is_own) {
                lanes.add_conversation(self.lane_of(customer));
                found = true;
            }
        }
        found
    }

    fn lane_of(&self, customer: &str) -> u64 {
        low_bits(self.hasher.conversation(self.number, customer).0)
    }
}

/// Half of the hash. With 100,000 waiting deliveries, two lanes coincide once in billions of years, and the only
/// consequence is a wait.
fn low_bits(key: u128) -> u64 {
    u64::try_from(key & u128::from(u64::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::CustomerKey;

    fn lanes_of(value: &Value) -> LaneSet {
        let mut lanes = LaneSet::default();
        assert!(add_conversations(value, &hasher(), &mut lanes), "{value}");
        lanes
    }

    fn hasher() -> CustomerHasher {
        CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()))
    }

    fn of_customers(customers: &[&str]) -> LaneSet {
        let number = PhoneNumberId::parse("900").expect("an id");
        let mut lanes = LaneSet::default();
        for customer in customers {
            lanes.add_conversation(low_bits(hasher().conversation(&number, customer).0));
        }
        lanes
    }

    #[test]
    fn every_field_with_a_number_and_a_customer_belongs_to_the_conversation() {
        let metadata = json!({"display_phone_number": "15550100199", "phone_number_id": "900"});
        for (key, list) in [
            (
                "messages",
                json!([{"from": "1", "id": "wamid.1", "type": "text"}]),
            ),
            ("messages", json!({"from": "1"})),
            ("messages", json!([{"from": "1"}, null, 7, {"from": 5}])),
            ("statuses", json!([{"recipient_id": "1", "status": "read"}])),
            (
                "message_echoes",
                json!([{"from": "15550100199", "to": "1"}]),
            ),
            (
                "calls",
                json!([{"from": "1", "to": "15550100199", "id": "wacid.1"}]),
            ),
            ("user_preferences", json!([{"wa_id": "1"}])),
            (
                "contacts",
                json!([{"wa_id": "1", "profile": {"name": "x"}}]),
            ),
            (
                "history",
                json!([{"threads": [{"id": "1", "messages": [{"from": "15550100199"}]}]}]),
            ),
        ] {
            let mut value = json!({"metadata": metadata});
            value[key] = list;
            assert_eq!(lanes_of(&value), of_customers(&["1"]), "{value}");
        }
    }

    #[test]
    fn a_customer_with_two_ids_has_two_lanes() {
        let metadata = json!({"phone_number_id": "900"});
        let both =
            json!({"metadata": metadata, "messages": [{"from": "1", "from_user_id": "US.2"}]});
        assert_eq!(lanes_of(&both), of_customers(&["1", "US.2"]));
        let errors = json!({"metadata": metadata, "errors": [{"code": 130_429}]});
        assert_eq!(lanes_of(&errors), of_customers(&[""]));
        let several = json!({"metadata": metadata, "statuses": [
            {"recipient_id": "1"}, {"recipient_id": "2"}, {"recipient_id": "1"}]});
        assert_eq!(lanes_of(&several), of_customers(&["1", "2"]));
    }

    #[test]
    fn a_change_without_a_number_has_no_conversation_lane() {
        for value in [
            json!({}),
            json!([]),
            json!("text"),
            json!({"metadata": {"phone_number_id": "x"}, "messages": [{"from": "1"}]}),
            json!({"messages": [{"from": "1"}]}),
        ] {
            let mut lanes = LaneSet::default();
            assert!(!add_conversations(&value, &hasher(), &mut lanes), "{value}");
            assert_eq!(lanes, LaneSet::default());
        }
        let lane = for_account("800", "account_update");
        assert_ne!(lane, for_account("800", "account_alerts"));
        assert_ne!(lane, for_account("801", "account_update"));
    }
}
