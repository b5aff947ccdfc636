//! Text for a Slack incoming webhook: <https://docs.slack.dev/messaging/formatting-message-text>.

use std::fmt::Write;

use reqwest::Url;
use serde::Serialize;

use super::links::{manager_url, runbook_url};
use super::message::Message;
use crate::domain::Severity;
use crate::store::Signal;

/// Maximum number of entities that a digest names.
const MAX_NAMES: usize = 5;

#[derive(Serialize)]
struct SlackBody {
    text: String,
    /// A preview of WhatsApp Manager is its login page.
    unfurl_links: bool,
}

/// The body of the request.
pub(super) fn body(message: &Message, runbooks: Option<&Url>) -> Vec<u8> {
    let body = SlackBody {
        text: text(message, runbooks),
        unfurl_links: false,
    };
    serde_json::to_vec(&body).expect("plain data with text for keys")
}

fn text(message: &Message, runbooks: Option<&Url>) -> String {
    let icon = match message.severity() {
        Severity::Critical => ":red_circle:",
        Severity::Warning => ":large_yellow_circle:",
        Severity::Info => ":white_circle:",
    };
    match message {
        Message::Change(signal) => {
            let links = links(signal, runbooks);
            format!("{icon} *{}*: {}\n{links}", entity(signal), step(signal))
        }
        Message::Digest(signals) => {
            let (first, count) = (&signals[0], signals.len());
            let (kind, row) = (plural(&first.row.entity), &first.row);
            let (attribute, to) = (words(&row.attribute), escaped(&row.to));
            let names: Vec<String> = signals.iter().take(MAX_NAMES).map(entity).collect();
            let mut names = names.join(", ");
            if count > MAX_NAMES {
                // Writing to a string cannot fail.
                let _ = write!(names, " +{} more", count - MAX_NAMES);
            }
            let links = links(first, runbooks);
            format!("{icon} *{count} {kind}*: {attribute} {to}\n{names}\n{links}")
        }
        Message::Test(at) => {
            format!(
                "{icon} Test of notify.webhooks by whatsapp-business-exporter, {}",
                escaped(at)
            )
        }
    }
}

/// The entity: its names and numbers, or else its id.
fn entity(signal: &Signal) -> String {
    let name = signal.name.as_deref().unwrap_or(&signal.row.entity_id);
    let detail = signal.display_phone_number.as_ref();
    let detail = detail.or(signal.language.as_ref());
    let detail = detail.map(|detail| format!(" ({})", escaped(detail)));
    let account = signal
        .account_name
        .as_deref()
        .filter(|account| *account != name);
    let account = account.map(|account| format!(" of {}", escaped(account)));
    format!(
        "{}{}{}",
        escaped(name),
        detail.unwrap_or_default(),
        account.unwrap_or_default()
    )
}

fn step(signal: &Signal) -> String {
    let row = &signal.row;
    let (attribute, to) = (words(&row.attribute), escaped(&row.to));
    match &row.from {
        Some(from) => format!("{attribute} {} → {to}", escaped(from)),
        None => format!("{attribute} {to}"),
    }
}

fn links(signal: &Signal, runbooks: Option<&Url>) -> String {
    let manager = format!("<{}|WhatsApp Manager>", escaped(&manager_url(signal)));
    let runbook = runbook_url(signal, runbooks);
    let runbook = runbook.map(|url| format!(" · <{}|Runbook>", escaped(&url)));
    manager + &runbook.unwrap_or_default()
}

fn plural(entity: &str) -> &'static str {
    match entity {
        "phone_number" => "phone numbers",
        "template" => "templates",
        _ => "accounts",
    }
}

fn words(attribute: &str) -> String {
    escaped(attribute).replace('_', " ")
}

/// Text from elsewhere: Slack reads `<…>` as a link, a mention or a command, and `&` as the begin of an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notify::message::tests::signal;

    fn runbooks() -> Url {
        "https://wiki.example.com/runbooks?a=1&b=2"
            .parse()
            .expect("a URL")
    }

    #[test]
    fn a_change_names_entity_values_and_links() {
        let rated = signal("phone_number", "quality_rating", Some("GREEN"), "RED");
        let text = text(&Message::Change(Box::new(rated)), Some(&runbooks()));
        let expected = ":red_circle: *Fern &amp; Moss &lt;Service&gt; (+1 555-010-0101) of Fern &amp; Moss*: \
             quality rating GREEN → RED\n\
             <https://business.facebook.com/latest/whatsapp_manager/phone_numbers?asset_id=800100200300400|WhatsApp \
             Manager> · <https://wiki.example.com/runbooks?a=1&amp;b=2#whatsappnumberqualitylow|Runbook>";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_digest_names_five_and_counts_the_rest() {
        let template = |which: usize| Signal {
            name: Some(format!("offer_{which}")),
            display_phone_number: None,
            language: Some("en_US".to_owned()),
            account_name: None,
            ..signal("template", "status", Some("APPROVED"), "PAUSED")
        };
        let text = text(
            &Message::Digest((0..37).map(template).collect()),
            Some(&runbooks()),
        );
        let begin = ":large_yellow_circle: *37 templates*: status PAUSED\noffer_0 (en_US), ";
        assert!(text.starts_with(begin), "{text}");
        assert!(
            text.contains("offer_4 (en_US) +32 more\n<https://"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_value_from_elsewhere_adds_markup(
            values in prop::collection::vec("[<>&|!@a-z\\n\u{0}]{0,12}", 6), is_digest in any::<bool>(),
        ) {
            let changed = |values: &[String]| {
                let mut signal = signal("phone_number", "status", Some(&values[0]), &values[1]);
                signal.name = Some(values[2].clone());
                signal.account_name = Some(values[3].clone());
                signal.display_phone_number = Some(values[4].clone());
                signal.row.entity_id.clone_from(&values[5]);
                if is_digest {
                    Message::Digest(vec![signal.clone(), signal])
                } else {
                    Message::Change(Box::new(signal))
                }
            };
            let shown = text(&changed(&values), Some(&runbooks()));
            let plain = text(&changed(&vec!["x".to_owned(); 6]), Some(&runbooks()));
            let count = |text: &str, mark: &str| text.matches(mark).count();
            for mark in ["<", ">", "\n"] {
                prop_assert_eq!(count(&shown, mark), count(&plain, mark), "{}", shown);
            }
            let entities = count(&shown, "&amp;") + count(&shown, "&lt;") + count(&shown, "&gt;");
            prop_assert_eq!(count(&shown, "&"), entities, "{}", shown);
        }
    }
}
