//! The endpoints that this client calls, with their label values.

use super::NodeKind;
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
        TemplateAnalytics = "template_analytics",
        PricingAnalytics = "pricing_analytics",
    }
}

impl Endpoint {
    /// Every endpoint that this client calls.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|endpoint| !endpoint.is_other())
    }
    /// The kind of object whose id is in the path.
    pub(super) fn requested_node(self) -> Option<NodeKind> {
        match self {
            Self::Account
            | Self::PhoneNumbers
            | Self::MessageTemplates
            | Self::SubscribedApps
            | Self::TemplateAnalytics
            | Self::PricingAnalytics => Some(NodeKind::Account),
            Self::OwnedAccounts | Self::ClientAccounts => Some(NodeKind::Business),
            Self::Subscriptions => Some(NodeKind::App),
            Self::DebugToken | Self::Other => None,
        }
    }

    /// The kind of object that `fields` is about: the node itself, or the objects on its edge.
    pub(super) fn returned_node(self) -> Option<NodeKind> {
        match self {
            Self::Account | Self::OwnedAccounts | Self::ClientAccounts => Some(NodeKind::Account),
            Self::PhoneNumbers => Some(NodeKind::PhoneNumber),
            Self::MessageTemplates => Some(NodeKind::Template),
            Self::SubscribedApps
            | Self::DebugToken
            | Self::Subscriptions
            | Self::TemplateAnalytics
            | Self::PricingAnalytics
            | Self::Other => None,
        }
    }
}
