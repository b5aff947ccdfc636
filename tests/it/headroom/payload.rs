//! Webhooks about messages and calls between customers and phone numbers, in the form of Meta.

use serde_json::{Value, json};

use super::oracle::{Happening, Kind};

/// The accounts, each with the portfolio that owns it.
pub const ACCOUNTS: [(&str, &str); 3] = [
    ("800100200300400", "700100"),
    ("800100200300401", "700100"),
    ("800100200300402", "700200"),
];

/// The account of each number.
pub const NUMBERS: [usize; 4] = [0, 0, 1, 2];

/// Which ids of a customer a webhook contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    User,
    Telephone,
    Both,
}

impl Ids {
    pub const ALL: [Self; 3] = [Self::User, Self::Telephone, Self::Both];

    fn has_user(self) -> bool {
        self != Self::Telephone
    }

    fn has_telephone(self) -> bool {
        self != Self::User
    }
}

pub fn number_id(number: usize) -> String {
    format!("90010020030040{number}")
}

/// A user id belongs to a portfolio; a telephone number to the customer.
fn user_id(customer: usize, number: usize) -> String {
    let (_, business_id) = ACCOUNTS[NUMBERS[number]];
    format!("US.{business_id}000{customer}")
}

fn telephone(customer: usize) -> String {
    format!("1555010011{customer}")
}

/// The body of a delivery. `in_standby` while another application controls the conversation.
pub fn body(happened: &Happening, id: usize, ids: Ids, in_standby: bool) -> Vec<u8> {
    let (field, list, item) = item(happened, id, ids);
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100199", "phone_number_id": number_id(happened.number)},
    });
    let field = if in_standby && field == "messages" {
        value["standby"] = json!({ list: [item] });
        "standby"
    } else {
        value[list] = json!([item]);
        field
    };
    let (account, _) = ACCOUNTS[NUMBERS[happened.number]];
    let changes = json!([{"field": field, "value": value}]);
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": account, "changes": changes}]});
    serde_json::to_vec(&body).expect("JSON")
}

fn item(happened: &Happening, id: usize, ids: Ids) -> (&'static str, &'static str, Value) {
    let Happening {
        customer,
        number,
        kind,
        at,
        ..
    } = *happened;
    let mut item = json!({"id": format!("wamid.{id}"), "timestamp": at.to_string()});
    let mut name = |user_key: &str, telephone_key: &str| {
        if ids.has_user() {
            item[user_key] = user_id(customer, number).into();
        }
        if ids.has_telephone() {
            item[telephone_key] = telephone(customer).into();
        }
    };
    match kind {
        Kind::Message | Kind::Reaction | Kind::Call => name("from_user_id", "from"),
        Kind::CallOfBusiness => name("to_user_id", "to"),
        Kind::DeliveredToGroup => name("recipient_participant_user_id", "recipient_participant_id"),
        _ => name("recipient_user_id", "recipient_id"),
    }
    let status = |item: Value, word: &str| {
        let mut item = item;
        item["status"] = word.into();
        ("messages", "statuses", item)
    };
    match kind {
        Kind::Message => {
            item["type"] = "text".into();
            item["text"] = json!({"body": "Hello"});
            ("messages", "messages", item)
        }
        Kind::Reaction => {
            item["type"] = "reaction".into();
            ("messages", "messages", item)
        }
        Kind::Call | Kind::CallOfBusiness => {
            let directions = ["USER_INITIATED", "BUSINESS_INITIATED"];
            item["direction"] = directions[usize::from(kind == Kind::CallOfBusiness)].into();
            item["event"] = "connect".into();
            ("calls", "calls", item)
        }
        Kind::Delivered => status(item, "delivered"),
        Kind::Read => status(item, "read"),
        Kind::Sent => status(item, "sent"),
        Kind::Failed => status(item, "failed"),
        Kind::DeliveredToGroup => {
            item["recipient_type"] = "group".into();
            item["recipient_id"] = "Y2FwaV9ncm91cDox".into();
            status(item, "delivered")
        }
    }
}
