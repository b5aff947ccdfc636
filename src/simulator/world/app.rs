//! The Meta app whose token calls the Graph API and whose secret signs webhooks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Every webhook field an app can subscribe to in v26.0, and two older ones that Meta still sends.
pub const WEBHOOK_FIELDS: &[&str] = &[
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "automatic_events",
    "business_capability_update",
    "business_status_update",
    "business_username_updates",
    "calls",
    "flows",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "message_echoes",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "messages",
    "messaging_handovers",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_app_state_sync",
    "smb_message_echoes",
    "standby",
    "template_category_update",
    "template_correct_category_detection",
    "tracking_events",
    "user_id_update",
    "user_preferences",
];

/// The scope that is required to read WhatsApp nodes.
pub const MANAGEMENT_SCOPE: &str = "whatsapp_business_management";
/// The scope that is required for `messages` webhooks.
pub const MESSAGING_SCOPE: &str = "whatsapp_business_messaging";

/// The app, its credentials and its webhook subscription.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct App {
    /// The app's id, numeric text.
    pub id: String,
    /// The app's name as shown in `subscribed_apps`.
    pub name: String,
    /// Secret for the signatures of webhooks and for `appsecret_proof`. Invented, but never shown.
    #[serde(skip)]
    pub secret: String,
    /// The verify token of the handshake.
    #[serde(skip)]
    pub verify_token: String,
    /// Whether calls without `appsecret_proof` are rejected.
    pub requires_appsecret_proof: bool,
    /// The only access token of the simulated world.
    pub token: Token,
    /// The callback URL; `None` until an app subscribes.
    pub callback_url: Option<String>,
    /// Subscribed webhook fields with the version of their payload.
    pub webhook_fields: BTreeMap<String, String>,
    /// The app's own health entity.
    pub health: super::Health,
}

/// A system user's access token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Token {
    /// The token, without `Bearer`. Invented, but never shown.
    #[serde(skip)]
    pub text: String,
    /// False after the token was revoked or has expired.
    pub is_valid: bool,
    /// Unix seconds; 0 means never.
    pub issued_at: i64,
    /// Unix seconds; 0 means never.
    pub expires_at: i64,
    /// Unix seconds; 0 means never.
    pub data_access_expires_at: i64,
    /// Permissions of the token.
    pub scopes: BTreeSet<String>,
}

impl App {
    /// An app with a token without expiry that has both WhatsApp scopes, subscribed to every field.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            name: "Quality Monitor".into(),
            secret: "simulated-app-secret".into(),
            verify_token: "simulated-verify-token".into(),
            requires_appsecret_proof: false,
            token: Token::new("simulated-access-token"),
            callback_url: None,
            webhook_fields: WEBHOOK_FIELDS
                .iter()
                .map(|field| ((*field).to_owned(), "v26.0".to_owned()))
                .collect(),
            health: super::Health::available(),
        }
    }

    /// The app access token, in Meta's format `APPID|APPSECRET`.
    #[must_use]
    pub fn app_token(&self) -> String {
        format!("{}|{}", self.id, self.secret)
    }
}

impl Token {
    /// A valid token without expiry.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            is_valid: true,
            issued_at: 1_769_000_000,
            expires_at: 0,
            data_access_expires_at: 0,
            scopes: [MANAGEMENT_SCOPE, MESSAGING_SCOPE]
                .map(str::to_owned)
                .into(),
        }
    }

    /// Whether Meta would accept the token at `now` (Unix seconds).
    #[must_use]
    pub fn is_accepted(&self, now: i64) -> bool {
        self.is_valid && (self.expires_at == 0 || now < self.expires_at)
    }
}
