//! An app's access: its access token and its webhook subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use super::{AppId, Timestamp, WabaId, WebhookField, Word as _};

/// The scope without which no node can be read and no management webhook comes.
pub const MANAGEMENT_SCOPE: &str = "whatsapp_business_management";

/// Every scope that the exporter needs.
pub const NEEDED_SCOPES: &[&str] = &[MANAGEMENT_SCOPE];

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not by itself.
    Never,
    /// Then.
    At(Timestamp),
}

/// Meta's information about a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Whether Meta accepts calls with the token.
    pub is_valid: bool,
    /// The app it belongs to; a token that is refused may not say.
    pub app_id: Option<AppId>,
    /// `SYSTEM_USER`, `USER` and the like.
    pub kind: Option<String>,
    /// When it ends.
    pub expires: Option<End>,
    /// When it may read no more, although it still lets in.
    pub data_access_expires: Option<End>,
    /// Its permissions.
    pub scopes: Option<BTreeSet<String>>,
    /// The accounts for which it has the management scope; none is: for all.
    pub accounts: Option<BTreeSet<WabaId>>,
}

impl Token {
    /// The scopes that the exporter needs, each with whether it is missing; nothing if Meta did not say.
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
    /// The fields with the version of their payloads, where Meta says it.
    pub fields: BTreeMap<String, Option<String>>,
}

impl Subscription {
    /// Whether the subscription includes this field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.is_active && self.fields.contains_key(field)
    }

    /// The fields that the exporter reads and that it does not bring.
    #[must_use]
    pub fn missing_fields(&self) -> Vec<&'static str> {
        let watched = WebhookField::WATCHED.iter().map(|field| field.as_str());
        watched.filter(|field| !self.has(field)).collect()
    }
}

/// The access of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The app, once known.
    pub app_id: Option<AppId>,
    /// The token, once Meta has reported it.
    pub token: Option<Token>,
    /// Its subscription; `None` without the app's id and secret, which the request needs.
    pub subscription: Option<Subscription>,
    /// Do its webhooks come here? Known where the address is configured.
    pub callback_matches: Option<bool>,
}

/// The access of all apps, by configured name.
pub type AccessStates = BTreeMap<String, Access>;
