//! Signed deliveries about templates and messages, each with different facts.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub const WABA: &str = "800100200300400";
pub const NUMBER: &str = "900100200300400";
pub const SECRET: &str = "an-app-secret-of-these-tests";

/// Words of `message_template_status_update` that are statuses as well.
pub const EVENTS: [&str; 4] = ["APPROVED", "PAUSED", "REJECTED", "DISABLED"];

/// Few enough for most of them to change many times.
const TEMPLATES: u64 = 40;

/// One fact: a template changed its status, and a customer wrote, at a second of which there is no other fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// No two facts have the same second.
    pub time: u64,
    pub template: u64,
    pub event: &'static str,
}

impl Fact {
    /// The fact with this number, dated anywhere among those with numbers near it.
    pub fn draw(number: u64, dice: &mut fastrand::Rng) -> Self {
        // Neighbours are exchanged: 0 1 2 3 is sent as 1 0 3 2. Concurrent senders add to the disorder.
        let time = 1_775_000_000 + (number ^ 1);
        Self {
            time,
            template: 7_001_002_003_000 + dice.u64(0..TEMPLATES),
            event: EVENTS[dice.usize(0..EVENTS.len())],
        }
    }

    fn change(self) -> String {
        let Self {
            template, event, ..
        } = self;
        format!(
            r#"{{"field":"message_template_status_update","value":{{"event":"{event}","message_template_id":{template},"message_template_name":"offer_{template}","message_template_language":"en_US","reason":"NONE"}}}}"#
        )
    }

    /// A message of a customer at the same second, with another id for each fact.
    fn message(self) -> String {
        let Self { time, template, .. } = self;
        let customer = template % 1_000;
        format!(
            r#"{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{NUMBER}"}},"messages":[{{"from":"1555010{customer:04}","id":"wamid.{time}","timestamp":"{time}","type":"text"}}]}}}}"#
        )
    }

    fn entry(self) -> String {
        let (time, change, message) = (self.time, self.change(), self.message());
        format!(r#"{{"id":"{WABA}","time":{time},"changes":[{change},{message}]}}"#)
    }
}

/// The body of one delivery of these facts.
pub fn body_of(facts: &[Fact]) -> String {
    let entries: Vec<String> = facts.iter().map(|fact| fact.entry()).collect();
    let entries = entries.join(",");
    format!(r#"{{"object":"whatsapp_business_account","entry":[{entries}]}}"#)
}

/// The body of a delivery with a message of a conversation, whose order the relay must keep.
pub fn next_of(conversation: usize, number: u64) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{NUMBER}"}},"messages":[{{"from":"1666010{conversation:04}","id":"wamid.{conversation}.{number}","timestamp":"1775000000","type":"image"}}]}}}}]}}]}}"#
    )
}

/// The signature header of a body.
pub fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(body.as_bytes());
    let digest = hex::encode(mac.finalize().into_bytes());
    format!("X-Hub-Signature-256: sha256={digest}")
}
