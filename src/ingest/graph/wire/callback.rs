//! Parses callback URLs.

use reqwest::Url;

use crate::domain::{CallbackUrl, WebhookConfiguration};
use crate::ingest::{MetaObject, ParseWarnings};

/// The callback URL in its normal spelling. A text that is not a URL is kept: Meta delivers to it, and not to the
/// exporter.
#[must_use]
pub fn callback_url(text: &str) -> Option<CallbackUrl> {
    match Url::parse(text.trim()) {
        Ok(url) => CallbackUrl::new(url.as_str()),
        Err(_) => CallbackUrl::new(text),
    }
}

/// The URL under this key. `None` if it is missing or empty.
pub(super) fn callback_at(
    object: &MetaObject<'_>,
    key: &'static str,
    warnings: &mut ParseWarnings,
) -> Option<CallbackUrl> {
    let text = object.text(key, warnings)?;
    callback_url(&text)
}

/// A number's `webhook_configuration`.
pub fn webhook_configuration(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<WebhookConfiguration> {
    let levels = node.object(field, field, warnings)?;
    Some(WebhookConfiguration {
        phone_number: callback_at(&levels, "phone_number", warnings),
        account: callback_at(&levels, "whatsapp_business_account", warnings),
        application: callback_at(&levels, "application", warnings),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_level_is_read_and_an_empty_text_is_no_override() {
        let node = json!({"webhook_configuration": {
            "phone_number": "", "whatsapp_business_account": null,
            "application": "HTTPS://Watch.Example:443/hook?token=s3cret"}});
        let mut warnings = ParseWarnings::new();
        let node = MetaObject::new("phone_number", &node).expect("an object");
        let levels = webhook_configuration(&node, ["webhook_configuration"], &mut warnings);
        let expected = WebhookConfiguration {
            application: CallbackUrl::new("https://watch.example/hook"),
            ..WebhookConfiguration::default()
        };
        assert_eq!(levels, Some(expected));
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_missing_object_says_nothing_and_odd_values_are_reported() {
        let read = |node: &serde_json::Value| {
            let mut warnings = ParseWarnings::new();
            let node = MetaObject::new("phone_number", node).expect("an object");
            let levels = webhook_configuration(&node, ["webhook_configuration"], &mut warnings);
            (levels, warnings.len())
        };
        assert_eq!(read(&json!({})), (None, 0));
        assert_eq!(read(&json!({"webhook_configuration": null})), (None, 0));
        assert_eq!(read(&json!({"webhook_configuration": 7})), (None, 1));
        let odd = json!({"webhook_configuration": [{"phone_number": {"url": 1}}]});
        assert_eq!(read(&odd), (Some(WebhookConfiguration::default()), 1));
        let text = json!({"webhook_configuration": {"phone_number": "not a url"}});
        let levels = read(&text).0.expect("it is an object");
        assert_eq!(levels.phone_number, CallbackUrl::new("notaurl"));
    }
}
