//! Messages: the parts of a webhook that are counted, without sender and content.

use super::mark::{Mark, MessageContext};
use super::track::Actor;
use super::word::meta_words;
use super::{CustomerIds, ErrorCode, PhoneNumberId, RecipientIds, Timestamp};

meta_words! {
    /// `messages[].type`.
    Kind {
        Text = "text",
        Image = "image",
        Audio = "audio",
        Video = "video",
        Document = "document",
        Sticker = "sticker",
        Location = "location",
        Contacts = "contacts",
        Interactive = "interactive",
        Button = "button",
        Order = "order",
        Reaction = "reaction",
        Edit = "edit",
        Revoke = "revoke",
        RequestWelcome = "request_welcome",
        System = "system",
        Unsupported = "unsupported",
        Unknown = "unknown",
    }
}

impl Kind {
    /// Whether it is a turn in the conversation: from a customer, a message that waits for a response; from the
    /// business, a response. Reactions, changes to earlier messages and notices about the customer's id are no turns. A
    /// kind that this version does not know is no turn either, so that it cannot trigger an alert about waiting
    /// customers.
    #[must_use]
    pub fn is_a_turn(self) -> bool {
        !matches!(
            self,
            Self::Reaction | Self::Edit | Self::Revoke | Self::System | Self::Other
        )
    }

    /// Whether such a message from a customer opens a customer service window. Meta does not document whether reactions
    /// and changes to earlier messages do. This function assumes that they do not: a window that does not exist would
    /// hide a recipient, and the business could exceed its messaging limit unnoticed.
    #[must_use]
    pub fn opens_window(self) -> bool {
        self.is_a_turn()
    }
}

meta_words! {
    /// `statuses[].status`.
    Status {
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        Failed = "failed",
        Played = "played",
        Deleted = "deleted",
        Pending = "pending",
        Warning = "warning",
    }
}

meta_words! {
    /// `statuses[].pricing.category`, which only one of a message's statuses has; `unknown` without it.
    Category {
        Marketing = "marketing",
        Utility = "utility",
        Authentication = "authentication",
        AuthenticationInternational = "authentication_international" | "authentication-international",
        Service = "service",
        MarketingLite = "marketing_lite",
        ReferralConversion = "referral_conversion",
        GeneralPurposeAi = "general_purpose_ai",
        GroupMarketing = "group_marketing",
        GroupService = "group_service",
        GroupUtility = "group_utility",
        Unknown = "unknown",
    }
}

meta_words! {
    /// `statuses[].pricing.type`; `unknown` in older webhooks, which have none.
    PricingType {
        Regular = "regular",
        FreeCustomerService = "free_customer_service",
        FreeEntryPoint = "free_entry_point",
        FreeGroupCustomerService = "free_group_customer_service",
        Unknown = "unknown",
    }
}

/// The price of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The category.
    pub category: Category,
    /// Whether, and why not, Meta charges for it.
    pub pricing_type: PricingType,
}

impl Price {
    /// Whether the message counts towards the free service messages of the month: both those that are free because of
    /// it, and those that are charged because it is used up. Messages after a click on an ad are free for another
    /// reason, and do not count.
    #[must_use]
    pub fn is_of_free_tier(self) -> bool {
        matches!(self.category, Category::Service | Category::GroupService)
            && self.pricing_type != PricingType::FreeEntryPoint
    }
}

meta_words! {
    /// `value` of `user_preferences[]`: whether a customer accepts marketing messages.
    MarketingPreference {
        Stop = "stop",
        Resume = "resume",
    }
}

/// A webhook update about messages of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// Id of the business' phone number.
    pub phone_number_id: PhoneNumberId,
    /// A time that had certainly passed at the receipt of the webhook. Earlier events are settled, except those
    /// within the reordering buffer.
    pub received_at: Timestamp,
    /// The customer, independent of the number. `None` for groups, if Meta does not identify the customer, and for
    /// updates that neither open a service window nor report a delivery nor a new id.
    pub recipient: Option<RecipientIds>,
    /// The update.
    pub update: Update,
}

/// A message, or a status of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// A message from a customer.
    Received {
        /// The customer, or the group; `None` if Meta does not identify them.
        from: Option<CustomerIds>,
        /// The type of the message.
        kind: Kind,
        /// What it follows.
        context: MessageContext,
    },
    /// A status of a message of the business.
    Status {
        /// The customer, or the group; `None` if Meta does not identify them.
        to: Option<CustomerIds>,
        /// The status.
        status: Status,
        /// Its pricing category.
        category: Category,
        /// Errors of a failed message.
        errors: Vec<ErrorCode>,
        /// The meaning of `biz_opaque_callback_data`, if the sender set it.
        mark: Option<Mark>,
    },
    /// The price of a message. Several of its statuses may contain it.
    Priced(Price),
    /// Errors without a message.
    Errors(Vec<ErrorCode>),
    /// A message of the business that was not sent through the Cloud API of this app.
    Echo {
        /// The customer, or the group; `None` if Meta does not identify them.
        to: Option<CustomerIds>,
        /// The type of the message.
        kind: Kind,
        /// The sender.
        actor: Actor,
    },
    /// A customer has a new user id. The other ids are the previous ones, and the telephone number.
    IdChanged(CustomerIds),
    /// Another application, or this one again, controls the conversation with this customer.
    ThreadOwner {
        /// The customer.
        of: CustomerIds,
        /// The role of the application, in Meta's words.
        role: String,
    },
    /// A customer stops or resumes marketing messages.
    Preference {
        /// The customer; `None` if Meta does not identify them.
        of: Option<CustomerIds>,
        /// The choice.
        preference: MarketingPreference,
    },
    /// A customer called the business, answered or not.
    Called,
}
