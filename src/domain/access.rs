//! An app's access: its access token and its webhook subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use super::{AppId, CallbackUrl, Timestamp, WabaId, WebhookField, Word as _};

/// The scope that is needed to read any node and to receive any management webhook.
pub const MANAGEMENT_SCOPE: &str = "whatsapp_business_management";

/// Every scope that the exporter needs.
pub const NEEDED_SCOPES: &[&str] = &[MANAGEMENT_SCOPE];

/// End of a validity period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It does not expire.
    Never,
    /// It expires at this time.
    At(Timestamp),
}

/// Meta's information about a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Whether Meta accepts calls with the token.
    pub is_valid: bool,
    /// The app that the token belongs to. Meta may omit it for a rejected token.
    pub app_id: Option<AppId>,
    /// Meta's type of the token, such as `SYSTEM_USER` or `USER`.
    pub kind: Option<String>,
    /// Expiry time of the token. `None` if Meta did not report it.
    pub expires: Option<End>,
    /// Time at which the token loses read access to data, although it is still valid. `None` if Meta did not report it.
    pub data_access_expires: Option<End>,
    /// Its permissions. `None` if Meta did not report them.
    pub scopes: Option<BTreeSet<String>>,
    /// The accounts in its management scope. `None` if the scope applies to all, or is missing.
    pub accounts: Option<BTreeSet<WabaId>>,
}

impl Token {
    /// The scopes that the exporter needs, each with whether it is missing. Empty if Meta did not list the scopes.
    pub fn needed_scopes(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let of = |scopes| {
            NEEDED_SCOPES
                .iter()
                .map(move |scope| is_missing(scopes, scope))
        };
        self.scopes.iter().flat_map(of)
    }

    /// The required permissions that are missing.
    #[must_use]
    pub fn missing_scopes(&self) -> Vec<&'static str> {
        let missing = self.needed_scopes().filter(|(_, is_missing)| *is_missing);
        missing.map(|(scope, _)| scope).collect()
    }
}

fn is_missing(scopes: &BTreeSet<String>, scope: &'static str) -> (&'static str, bool) {
    (scope, !scopes.contains(scope))
}

/// An app's webhook subscription for WhatsApp: its callback URL and its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The callback URL; `None` if none is set.
    pub callback_url: Option<String>,
    /// Whether the subscription is active.
    pub is_active: bool,
    /// The fields with the version of their payloads. `None` if Meta does not give the version.
    pub fields: BTreeMap<String, Option<String>>,
}

impl Subscription {
    /// Whether the subscription includes this field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.is_active && self.fields.contains_key(field)
    }

    /// The fields that the exporter reads and that the subscription lacks.
    #[must_use]
    pub fn missing_fields(&self) -> Vec<&'static str> {
        let watched = WebhookField::WATCHED.iter().map(|field| field.as_str());
        watched.filter(|field| !self.has(field)).collect()
    }
}

/// The access of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The app's id. `None` until it is known.
    pub app_id: Option<AppId>,
    /// Information about the token. `None` until Meta has reported it.
    pub token: Option<Token>,
    /// Its subscription. `None` without the app's id and secret, which the request needs.
    pub subscription: Option<Subscription>,
    /// Whether the callback URL is this exporter's. `None` without a configured URL to compare.
    pub callback_matches: Option<bool>,
    /// The app's callback URL at Meta. `None` if none is set, and until read.
    pub callback: Option<CallbackUrl>,
}

/// The access of all apps, by configured name.
pub type AccessStates = BTreeMap<String, Access>;
