//! The calls this client makes, by the names their metrics carry.

use crate::domain::Word;
use crate::domain::meta_words;

meta_words! {
    /// One kind of call to the Graph API.
    Endpoint {
        Account = "account",
        PhoneNumbers = "phone_numbers",
        MessageTemplates = "message_templates",
        SubscribedApps = "subscribed_apps",
        DebugToken = "debug_token",
        Subscriptions = "subscriptions",
        OwnedAccounts = "owned_whatsapp_business_accounts",
        ClientAccounts = "client_whatsapp_business_accounts",
    }
}

impl Endpoint {
    /// Every endpoint this client calls.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|endpoint| !endpoint.is_other())
    }
}
