//! The envelope of webhooks as in Meta's examples: several entries, several changes, varying order of keys, and
//! `time` only on management entries.

use super::quirks::EnvelopeForm;
use crate::simulator::change::Webhook;
use crate::simulator::json::webhook_text;

/// Writes one POST body at `time` (Unix seconds). Deliveries with odd and even numbers have different orders of keys.
pub(super) fn body(
    webhooks: &[Webhook],
    time: i64,
    delivery_number: u64,
    form: EnvelopeForm,
) -> String {
    let is_object_first = delivery_number.is_multiple_of(2);
    let entries: Vec<String> = groups(webhooks)
        .into_iter()
        .map(|group| entry(&group, time, is_object_first, form))
        .collect();
    let entries = list(&entries, form);
    if is_object_first {
        format!(r#"{{"object":"whatsapp_business_account","entry":{entries}}}"#)
    } else {
        format!(r#"{{"entry":{entries},"object":"whatsapp_business_account"}}"#)
    }
}

fn list(elements: &[String], form: EnvelopeForm) -> String {
    match elements {
        [only] if form == EnvelopeForm::SingleObjects => only.clone(),
        _ => format!("[{}]", elements.join(",")),
    }
}

/// Groups neighbours with the same id and the same kind of `time` into one entry.
fn groups(webhooks: &[Webhook]) -> Vec<Vec<&Webhook>> {
    let mut groups: Vec<Vec<&Webhook>> = Vec::new();
    for webhook in webhooks {
        match groups.last_mut() {
            Some(group)
                if group[0].entry_id == webhook.entry_id
                    && has_time(group[0]) == has_time(webhook) =>
            {
                group.push(webhook);
            }
            _ => groups.push(vec![webhook]),
        }
    }
    groups
}

fn entry(group: &[&Webhook], time: i64, is_field_first: bool, form: EnvelopeForm) -> String {
    let changes: Vec<String> = group
        .iter()
        .map(|webhook| change(webhook, is_field_first, form))
        .collect();
    let changes = list(&changes, form);
    let id = match (form, group[0].entry_id.parse::<u64>()) {
        (EnvelopeForm::IdAsNumber, Ok(number)) => number.to_string(),
        _ => webhook_text(&group[0].entry_id.as_str().into()),
    };
    let time = match form {
        _ if !has_time(group[0]) => String::new(),
        EnvelopeForm::NoTime => String::new(),
        EnvelopeForm::TimeAsText => format!(r#","time":"{time}""#),
        _ => format!(r#","time":{time}"#),
    };
    format!(r#"{{"id":{id}{time},"changes":{changes}}}"#)
}

fn change(webhook: &Webhook, is_field_first: bool, form: EnvelopeForm) -> String {
    let field = webhook_text(&webhook.field.as_str().into());
    let mut value = webhook.value.clone();
    let rejection = match (form, value.as_object_mut()) {
        (EnvelopeForm::RejectionBeside, Some(value)) => value.remove("rejection_info"),
        _ => None,
    };
    let rejection = rejection.map_or_else(String::new, |info| {
        format!(r#","rejection_info":{}"#, webhook_text(&info))
    });
    let value = webhook_text(&value);
    if is_field_first {
        format!(r#"{{"field":{field},"value":{value}{rejection}}}"#)
    } else {
        format!(r#"{{"value":{value}{rejection},"field":{field}}}"#)
    }
}

/// Whether the entry has a `time`; entries of message traffic have none.
fn has_time(webhook: &Webhook) -> bool {
    ![
        "messages",
        "smb_message_echoes",
        "standby",
        "user_preferences",
    ]
    .contains(&webhook.field.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn webhook(entry_id: &str, field: &str) -> Webhook {
        Webhook {
            entry_id: entry_id.into(),
            field: field.into(),
            value: json!({"event": "a/b"}),
        }
    }

    #[test]
    fn entries_group_changes_and_messages_carry_no_time() {
        let webhooks = [
            webhook("1", "account_update"),
            webhook("1", "security"),
            webhook("1", "messages"),
            webhook("2", "security"),
        ];
        let written: Value =
            serde_json::from_str(&body(&webhooks, 1_775_000_000, 1, EnvelopeForm::Usual))
                .expect("valid JSON");
        assert_eq!(written["entry"].as_array().map(Vec::len), Some(3));
        assert_eq!(written["entry"][0]["changes"][1]["field"], "security");
        assert_eq!(written["entry"][0]["time"], 1_775_000_000);
        assert_eq!(written["entry"][1].get("time"), None);
    }

    #[test]
    fn key_order_varies_and_the_meaning_does_not() {
        let (odd, even) = (
            body(&[webhook("1", "security")], 5, 1, EnvelopeForm::Usual),
            body(&[webhook("1", "security")], 5, 2, EnvelopeForm::Usual),
        );
        assert!(odd.starts_with(r#"{"entry""#) && even.starts_with(r#"{"object""#));
        assert!(odd.contains(r"a\/b"));
        let [odd, even] =
            [odd, even].map(|text| serde_json::from_str::<Value>(&text).expect("valid JSON"));
        assert_eq!(odd, even);
    }
}
