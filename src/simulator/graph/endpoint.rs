//! The endpoints of the simulated Graph API. Faults and request counts refer to them.

use serde::{Deserialize, Serialize};

use super::call::Call;
use crate::simulator::world::World;

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/{waba}`
    Account,
    /// `/{waba}/phone_numbers`
    PhoneNumbers,
    /// `/{phone number}`
    PhoneNumber,
    /// `/{phone number}/messages`
    Messages,
    /// `/{waba}/message_templates`
    MessageTemplates,
    /// `/{template}`
    MessageTemplate,
    /// `/{waba}/template_analytics`
    TemplateAnalytics,
    /// `/{waba}?fields=pricing_analytics…`
    PricingAnalytics,
    /// `/{waba}/subscribed_apps`
    SubscribedApps,
    /// `/{business}`
    Business,
    /// `/{business}/owned_whatsapp_business_accounts`
    OwnedAccounts,
    /// `/{business}/client_whatsapp_business_accounts`
    ClientAccounts,
    /// `/debug_token`
    DebugToken,
    /// `/{app}/subscriptions`
    AppSubscriptions,
    /// `/{app}`
    App,
    /// `/me`
    Me,
    /// Any other call, including those for ids that do not exist.
    Other,
}

impl Endpoint {
    /// The endpoint of a call.
    #[must_use]
    pub fn new(world: &World, call: &Call) -> Self {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["debug_token"] => Self::DebugToken,
            ["me"] => Self::Me,
            [id] if world.accounts.contains_key(*id) => {
                let fields = call.parameter("fields").unwrap_or_default();
                if fields.starts_with("pricing_analytics") {
                    Self::PricingAnalytics
                } else {
                    Self::Account
                }
            }
            [id] if world.phone_numbers.contains_key(*id) => Self::PhoneNumber,
            [id] if world.find_template(id).is_some() => Self::MessageTemplate,
            [id] if world.businesses.contains_key(*id) => Self::Business,
            [id] if world.app.id == *id => Self::App,
            [_, "messages"] => Self::Messages,
            [_, "phone_numbers"] => Self::PhoneNumbers,
            [_, "message_templates"] => Self::MessageTemplates,
            [_, "template_analytics"] => Self::TemplateAnalytics,
            [_, "subscribed_apps"] => Self::SubscribedApps,
            [_, "owned_whatsapp_business_accounts"] => Self::OwnedAccounts,
            [_, "client_whatsapp_business_accounts"] => Self::ClientAccounts,
            [_, "subscriptions"] => Self::AppSubscriptions,
            _ => Self::Other,
        }
    }
}
