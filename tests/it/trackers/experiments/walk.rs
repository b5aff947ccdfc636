//! What one customer and the business do, as webhooks.

use serde_json::{Value, json};

use crate::exporter::meta::{NUMBER, WABA};

/// A change of a webhook, with the second at which it arrives.
pub(super) type Arrival = (i64, Value);

pub(super) fn change(field: &str, list: &str, item: &Value) -> Value {
    let metadata = json!({"display_phone_number": "15550100199", "phone_number_id": NUMBER});
    json!({"field": field, "value": {"metadata": metadata, list: [item]}})
}

pub(super) fn body(change: &Value) -> Vec<u8> {
    let entry = json!([{"id": WABA, "changes": [change]}]);
    let body = json!({"object": "whatsapp_business_account", "entry": entry});
    serde_json::to_vec(&body).expect("JSON")
}

/// What one customer and the business do, seconds after the beginning.
pub(super) struct Walk {
    pub(super) customer: String,
    begins: i64,
    pub(super) changes: Vec<Arrival>,
}

impl Walk {
    pub(super) fn new(customer: usize, begins: i64) -> Self {
        Self {
            customer: format!("1555{customer:07}"),
            begins,
            changes: Vec::new(),
        }
    }

    fn push(&mut self, after: i64, change: Value) {
        self.changes.push((self.begins + after, change));
    }

    /// A status of a message, with what the sender set.
    pub(super) fn status(&mut self, after: i64, message: u32, status: &str, data: &str) {
        let mut item = json!({
            "id": format!("wamid.{}.{message}", self.customer), "status": status,
            "timestamp": (self.begins + after).to_string(), "recipient_id": self.customer,
        });
        if !data.is_empty() {
            item["biz_opaque_callback_data"] = data.into();
        }
        self.push(after, change("messages", "statuses", &item));
    }

    pub(super) fn asked(
        &mut self,
        after: i64,
        message: u32,
        status: &str,
        version: &str,
        variant: &str,
    ) {
        let data = format!("journey=booking&version={version}&step=date&variant={variant}");
        self.status(after, message, status, &data);
    }

    pub(super) fn write(&mut self, after: i64, button: Option<&str>) {
        let mut item = json!({
            "from": self.customer, "id": format!("wamid.I.{}.{}", self.customer, self.changes.len()),
            "timestamp": (self.begins + after).to_string(), "type": "text", "text": {"body": "x"},
        });
        if let Some(id) = button {
            item["type"] = "interactive".into();
            item["interactive"] =
                json!({"type": "button_reply", "button_reply": {"id": id, "title": "x"}});
        }
        self.push(after, change("messages", "messages", &item));
    }

    pub(super) fn stop(&mut self, after: i64) {
        let item = json!({"wa_id": self.customer, "category": "marketing_messages", "value": "stop",
            "timestamp": self.begins + after});
        self.push(after, change("user_preferences", "user_preferences", &item));
    }
}
