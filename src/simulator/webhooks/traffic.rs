//! Steady `messages` traffic with made-up customers.
//!
//! A pure sequence: the same seed and world give the same messages. Each step is one webhook: an inbound message,
//! then the statuses sent, delivered and read of the response. Some responses fail instead.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::simulator::change::Webhook;
use crate::simulator::world::{PhoneNumber, World};

/// Number of customers. They have the numbers 555-0180 to 555-0199.
const CUSTOMERS: u32 = 20;
const FIRST_CUSTOMER: u32 = 80;
/// One in this many responses fails.
const FAILURE_EVERY: u64 = 8;
/// Errors in statuses of failed messages, with their titles. See
/// <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/>.
const FAILURES: [(u32, &str); 4] = [
    (
        131_049,
        "Message not delivered to maintain healthy ecosystem engagement",
    ),
    (131_047, "Re-engagement message"),
    (131_026, "Message undeliverable"),
    (132_015, "Template is paused"),
];
const CATEGORIES: [&str; 4] = ["service", "utility", "marketing", "authentication"];

/// State of the current conversation.
#[derive(Debug, Clone, Copy)]
enum ConversationStep {
    Inbound,
    Sent,
    Delivered,
    Read,
}

/// Generates message webhooks, one after the other.
#[derive(Debug)]
pub struct TrafficGenerator {
    dice: Rng,
    step: ConversationStep,
    conversation: u64,
    /// Start time in Unix seconds, which distinguishes message ids from those of an earlier simulation.
    started_at: i64,
    phone_number_id: Option<String>,
    customer: u32,
    category: &'static str,
}

impl TrafficGenerator {
    /// A sequence that is determined by the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Rng::with_seed(seed),
            step: ConversationStep::Inbound,
            conversation: 0,
            started_at: 0,
            phone_number_id: None,
            customer: FIRST_CUSTOMER,
            category: CATEGORIES[0],
        }
    }

    /// The next webhook at `now` (Unix seconds). `None` while no number is connected.
    pub fn next(&mut self, world: &World, now: i64) -> Option<Webhook> {
        if matches!(self.step, ConversationStep::Inbound) {
            self.start(world, now);
        }
        let number = self
            .phone_number_id
            .as_ref()
            .and_then(|id| world.phone_numbers.get(id));
        let Some(number) = number.filter(|number| number.status == "CONNECTED") else {
            self.step = ConversationStep::Inbound;
            return None;
        };
        let content = match self.step {
            ConversationStep::Inbound => self.inbound(now),
            ConversationStep::Sent => self.status("sent", now),
            ConversationStep::Delivered if self.conversation.is_multiple_of(FAILURE_EVERY) => {
                self.failed(now)
            }
            ConversationStep::Delivered => self.status("delivered", now),
            ConversationStep::Read => self.status("read", now),
        };
        let webhook = webhook(number, content);
        self.step = self.following();
        Some(webhook)
    }

    fn start(&mut self, world: &World, now: i64) {
        self.started_at = now;
        let connected: Vec<&PhoneNumber> = world
            .phone_numbers
            .values()
            .filter(|number| number.status == "CONNECTED")
            .collect();
        self.conversation += 1;
        self.customer = FIRST_CUSTOMER + self.dice.u32(..CUSTOMERS);
        self.category = CATEGORIES[self.dice.usize(..CATEGORIES.len())];
        self.phone_number_id = (!connected.is_empty())
            .then(|| connected[self.dice.usize(..connected.len())].id.clone());
    }

    fn following(&self) -> ConversationStep {
        match self.step {
            ConversationStep::Inbound => ConversationStep::Sent,
            ConversationStep::Sent => ConversationStep::Delivered,
            ConversationStep::Delivered if self.conversation.is_multiple_of(FAILURE_EVERY) => {
                ConversationStep::Inbound
            }
            ConversationStep::Delivered => ConversationStep::Read,
            ConversationStep::Read => ConversationStep::Inbound,
        }
    }

    fn inbound(&self, now: i64) -> Value {
        json!({
            "contacts": [{"profile": {"name": "Customer"}, "wa_id": self.customer_number()}],
            "messages": [{
                "from": self.customer_number(),
                "id": self.message_id("IN"),
                "timestamp": now.to_string(),
                "type": "text",
                "text": {"body": "Is this still available?"},
            }],
        })
    }

    /// A status webhook. Only one of the statuses has `pricing`; here it is `delivered`, as in Meta's example.
    fn status(&self, status: &str, now: i64) -> Value {
        let mut content = json!({
            "id": self.message_id("OUT"),
            "status": status,
            "timestamp": now.to_string(),
            "recipient_id": self.customer_number(),
        });
        if status == "delivered" {
            let kind = if self.category == "service" {
                "free_customer_service"
            } else {
                "regular"
            };
            content["pricing"] = json!({
                "billable": self.category != "service",
                "pricing_model": "PMP",
                "type": kind,
                "category": self.category,
            });
        }
        json!({ "statuses": [content] })
    }

    fn failed(&mut self, now: i64) -> Value {
        let (code, title) = FAILURES[self.dice.usize(..FAILURES.len())];
        let mut content = self.status("failed", now);
        content["statuses"][0]["errors"] = json!([{
            "code": code,
            "title": title,
            "message": title,
            "error_data": {"details": title},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        }]);
        content
    }

    fn message_id(&self, direction: &str) -> String {
        format!("wamid.{direction}{}X{}", self.started_at, self.conversation)
    }

    fn customer_number(&self) -> String {
        format!("155501001{:02}", self.customer)
    }
}

fn webhook(number: &PhoneNumber, mut value: Value) -> Webhook {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] =
        json!({"display_phone_number": number.digits(), "phone_number_id": number.id});
    Webhook {
        entry_id: number.waba_id.clone(),
        field: "messages".into(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_has_messages_and_statuses_and_repeats_with_its_seed() {
        let world = World::demo(1);
        let play = || {
            let mut traffic = TrafficGenerator::new(5);
            (0..40)
                .filter_map(|turn| traffic.next(&world, 1_775_000_000 + turn))
                .collect::<Vec<_>>()
        };
        let webhooks = play();
        assert_eq!(webhooks, play());
        let states: Vec<&str> = webhooks
            .iter()
            .map(|webhook| {
                webhook.value["statuses"][0]["status"]
                    .as_str()
                    .unwrap_or("inbound")
            })
            .collect();
        assert_eq!(states[..4], ["inbound", "sent", "delivered", "read"]);
        assert!(states.contains(&"failed"));
        assert_eq!(
            webhooks[1].value["statuses"][0]["id"],
            webhooks[3].value["statuses"][0]["id"]
        );
    }
}
