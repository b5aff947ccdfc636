//! Callback URLs: where Meta delivers an app's webhooks, and the overrides for accounts and phone numbers.
//!
//! Overrides move `messages` and related fields only. Webhooks about accounts and templates always go to the app's
//! callback URL.

use std::fmt;

/// Maximum length of a kept URL. Meta accepts overrides of up to 200 characters.
const MAX_LENGTH: usize = 256;

/// Scheme, host and path of a callback URL. Credentials, query and fragment are dropped, because they may contain
/// secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallbackUrl(String);

impl CallbackUrl {
    /// Keeps scheme, host and path of a URL. `None` for an empty text, with which Meta shows a removed override.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let url = url.trim();
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let url = &url[..end];
        let without_credentials = match url.split_once("://") {
            Some((scheme, rest)) => {
                let host = rest.find('/').unwrap_or(rest.len());
                let start = rest[..host].rfind('@').map_or(0, |at| at + 1);
                format!("{scheme}://{}", &rest[start..])
            }
            None => url.to_owned(),
        };
        let is_plain = |character: &char| !character.is_control() && !character.is_whitespace();
        let kept: String = without_credentials.chars().filter(is_plain).collect();
        (!kept.is_empty()).then(|| Self(kept.chars().take(MAX_LENGTH).collect()))
    }

    /// The text of the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The `override_callback_uri` of the exporter's app on an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallbackOverride(pub Option<CallbackUrl>);

/// The `webhook_configuration` of a phone number: the callback URL at each level, if one is set there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebhookConfiguration {
    /// The override for the number.
    pub phone_number: Option<CallbackUrl>,
    /// The override for its account.
    pub account: Option<CallbackUrl>,
    /// The callback URL of the app.
    pub application: Option<CallbackUrl>,
}

/// The URL to which an override moves the `messages` webhooks of a number: its own, else its account's. `None` without
/// an override.
#[must_use]
pub fn messages_override<'a>(
    number: Option<&'a WebhookConfiguration>,
    account: Option<&'a CallbackOverride>,
) -> Option<&'a CallbackUrl> {
    let of_number = number.and_then(|levels| levels.phone_number.as_ref());
    let of_account = || number.and_then(|levels| levels.account.as_ref());
    let of_edge = || account.and_then(|edge| edge.0.as_ref());
    of_number.or_else(of_account).or_else(of_edge)
}

/// The URL to which Meta delivers the `messages` webhooks of a number: that of an override, else the app's callback
/// URL. `None` if no level is known.
#[must_use]
pub fn messages_callback<'a>(
    number: Option<&'a WebhookConfiguration>,
    account: Option<&'a CallbackOverride>,
    app: Option<&'a CallbackUrl>,
) -> Option<&'a CallbackUrl> {
    let of_app = || number.and_then(|levels| levels.application.as_ref());
    messages_override(number, account).or_else(of_app).or(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CallbackUrl {
        CallbackUrl::new(text).expect("it is not empty")
    }

    #[test]
    fn secrets_of_a_url_are_dropped() {
        for (text, kept) in [
            (
                "https://a.example/hook?token=s3cret#x",
                "https://a.example/hook",
            ),
            ("https://me:s3cret@a.example/hook", "https://a.example/hook"),
            (
                "https://me:s3cr@et@a.example:8443",
                "https://a.example:8443",
            ),
            ("https://a.example#s3cret", "https://a.example"),
            ("https://a.example/with@sign", "https://a.example/with@sign"),
            ("https://a.example/a\u{7}b c", "https://a.example/abc"),
            ("no url", "nourl"),
        ] {
            assert_eq!(url(text).as_str(), kept, "{text}");
        }
        assert_eq!(CallbackUrl::new(" "), None);
        assert_eq!(CallbackUrl::new("?token=s3cret"), None);
        assert_eq!(url(&"é".repeat(1_000)).as_str().chars().count(), MAX_LENGTH);
    }

    #[test]
    fn the_number_comes_before_the_account_and_the_account_before_the_app() {
        let [number, account, edge, application, app] =
            ["n", "a", "e", "p", "s"].map(|host| url(&format!("https://{host}.example/")));
        let mut levels = WebhookConfiguration {
            phone_number: Some(number.clone()),
            account: Some(account.clone()),
            application: Some(application.clone()),
        };
        let over = CallbackOverride(Some(edge.clone()));
        let of = |levels: &WebhookConfiguration, over: &CallbackOverride| {
            messages_callback(Some(levels), Some(over), Some(&app)).cloned()
        };
        assert_eq!(of(&levels, &over), Some(number));
        levels.phone_number = None;
        assert_eq!(of(&levels, &over), Some(account));
        levels.account = None;
        assert_eq!(of(&levels, &over), Some(edge));
        let none = CallbackOverride(None);
        assert_eq!(of(&levels, &none), Some(application));
        levels.application = None;
        assert_eq!(of(&levels, &none), Some(app.clone()));
        assert_eq!(messages_callback(None, None, Some(&app)), Some(&app));
        assert_eq!(messages_callback(None, None, None), None);
    }
}
