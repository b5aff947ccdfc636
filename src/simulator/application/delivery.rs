//! Reads a relayed webhook delivery as far as the application needs it. Pure.

use serde_json::{Value, json};

use crate::simulator::world::WEBHOOK_FIELDS;

/// A delivery, as the application understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayedDelivery {
    /// Whether it contains a field that Meta does not have.
    pub has_unknown_field: bool,
    /// Messages that the business has sent.
    pub sent: Vec<SentMessage>,
}

/// A message that the business has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    id: String,
    phone_number_id: String,
    customer: String,
    /// Unix seconds, as text like in webhooks.
    at: String,
}

impl RelayedDelivery {
    /// Reads a body. `None` if it is not a webhook delivery.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let entries = body.get("entry")?;
        let changes: Vec<&Value> = elements(entries)
            .iter()
            .flat_map(|entry| elements(&entry["changes"]))
            .collect();
        let field = |change: &Value| change["field"].as_str().map(str::to_owned);
        let is_known = |field: &str| WEBHOOK_FIELDS.contains(&field);
        Some(Self {
            has_unknown_field: changes
                .iter()
                .filter_map(|change| field(change))
                .any(|field| !is_known(&field)),
            sent: changes.into_iter().flat_map(sent_messages).collect(),
        })
    }
}

fn sent_messages(change: &Value) -> Vec<SentMessage> {
    let value = &change["value"];
    // A group is no customer: its messages are not reported.
    let sent = elements(&value["statuses"])
        .iter()
        .filter(|status| status["status"] == "sent" && status["recipient_type"] != "group");
    sent.filter_map(|status| {
        Some(SentMessage {
            id: text(&status["id"])?,
            phone_number_id: text(&value["metadata"]["phone_number_id"])?,
            customer: text(&status["recipient_id"])
                .or_else(|| text(&status["recipient_user_id"]))?,
            at: text(&status["timestamp"])?,
        })
    })
    .collect()
}

/// The elements of a list, or the single object in its place: Meta writes lists in both forms.
fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        Value::Object(_) => std::slice::from_ref(value),
        _ => &[],
    }
}

/// Text, or a number as text: Meta writes ids and times in both forms. Empty text counts as absent.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl SentMessage {
    /// The event that reports who sent the message. It has the time of the message's status, so that the exporter
    /// counts the response for its sender.
    #[must_use]
    pub fn reply_event(&self) -> Value {
        json!({
            "id": format!("reply-{}", self.id),
            "type": "reply",
            "actor": self.actor(),
            "phone_number_id": self.phone_number_id,
            "customer": self.customer,
            "at": self.at,
        })
    }

    /// The business has assigned one customer in three to an agent.
    fn actor(&self) -> &'static str {
        let digits: u32 = self.customer.bytes().map(u32::from).sum();
        if digits.is_multiple_of(3) {
            "agent"
        } else {
            "bot"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::webhooks::TrafficGenerator;
    use super::*;
    use crate::simulator::World;

    fn delivery(field: &str, value: &Value) -> Vec<u8> {
        let changes = json!([{"field": field, "value": value}]);
        json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn an_unknown_field_is_found() {
        let parse = |field: &str| RelayedDelivery::parse(&delivery(field, &json!({})));
        let has_unknown = |field: &str| parse(field).expect("a delivery").has_unknown_field;
        assert!(has_unknown("weather_update"));
        assert!(!has_unknown("flows"));
        let single = r#"{"object":"whatsapp_business_account","entry":{"id":"1","changes":{"field":"weather_update","value":{}}}}"#;
        let single = RelayedDelivery::parse(single.as_bytes()).expect("a delivery");
        assert!(single.has_unknown_field);
        for bad in ["", "{", "[]", r#"{"object":"page"}"#] {
            assert_eq!(RelayedDelivery::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn each_sent_message_has_one_event_by_a_bot_or_an_agent() {
        let world = World::demo(1);
        let mut traffic = TrafficGenerator::new(1);
        let mut actors = Vec::new();
        for turn in 0..400 {
            let Some(webhook) = traffic.next(&world, 1_775_000_000 + turn) else {
                continue;
            };
            let read = RelayedDelivery::parse(&delivery(&webhook.field, &webhook.value));
            let sent = read.expect("a delivery").sent;
            let status = &webhook.value["statuses"][0];
            let is_reported = status["status"] == "sent" && status["recipient_type"] != "group";
            assert_eq!(sent.len(), usize::from(is_reported));
            for message in sent {
                let event = message.reply_event();
                assert_eq!(event["at"], status["timestamp"]);
                let to = status
                    .get("recipient_id")
                    .unwrap_or(&status["recipient_user_id"]);
                assert_eq!(event["customer"], *to);
                actors.push(event["actor"].to_string());
            }
        }
        let agents = actors.iter().filter(|actor| actor.contains("agent"));
        let (agents, all) = (agents.count(), actors.len());
        assert!(agents * 6 > all && agents * 2 < all, "{agents} of {all}");
    }
}
