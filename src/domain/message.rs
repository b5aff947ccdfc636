//! Messages: the parts of a webhook that are counted, without sender and content.

use super::word::meta_words;
use super::{ConversationKey, PhoneNumberId, Timestamp};

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
        RequestWelcome = "request_welcome",
        System = "system",
        Unsupported = "unsupported",
        Unknown = "unknown",
    }
}

impl Kind {
    /// Whether the sender waits for a response. Reactions and notices about a new number need none.
    #[must_use]
    pub fn wants_an_answer(self) -> bool {
        !matches!(self, Self::Reaction | Self::System)
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
        AuthenticationInternational = "authentication_international",
        Service = "service",
        MarketingLite = "marketing_lite",
        ReferralConversion = "referral_conversion",
        Unknown = "unknown",
    }
}

meta_words! {
    /// `errors[].code`: the codes that Meta's pages list for messages.
    ErrorCode {
        RateLimitOfAccount = "80007",
        ThroughputReached = "130429",
        InExperiment = "130472",
        CountryRestricted = "130497",
        SomethingWrong = "131000",
        AccessDenied = "131005",
        ParameterMissing = "131008",
        ParameterInvalid = "131009",
        ServiceUnavailable = "131016",
        SenderIsRecipient = "131021",
        Undeliverable = "131026",
        AccountLocked = "131031",
        DisplayNameNotApproved = "131037",
        PaymentProblem = "131042",
        CertificateProblem = "131045",
        WindowClosed = "131047",
        SpamLimit = "131048",
        EcosystemHealth = "131049",
        MarketingStopped = "131050",
        TypeUnsupported = "131051",
        MediaNotDownloaded = "131052",
        MediaNotUploaded = "131053",
        PairLimit = "131056",
        Maintenance = "131057",
        ClassificationLimit = "131064",
        TemplateParameters = "132000",
        TemplateMissing = "132001",
        TemplateTooLong = "132005",
        TemplatePolicy = "132007",
        TemplateValue = "132008",
        TemplateFormat = "132012",
        TemplatePaused = "132015",
        TemplateDisabled = "132016",
        FlowBlocked = "132068",
        FlowThrottled = "132069",
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
    /// The update.
    pub update: Update,
}

/// A message, or a status of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// A message from a customer.
    Received {
        /// The conversation; `None` if Meta does not identify the customer.
        from: Option<ConversationKey>,
        /// The type of the message.
        kind: Kind,
    },
    /// A status of a message of the business.
    Status {
        /// The conversation; `None` if Meta does not identify the customer.
        to: Option<ConversationKey>,
        /// The status.
        status: Status,
        /// Its pricing category.
        category: Category,
        /// Errors of a failed message.
        errors: Vec<ErrorCode>,
    },
    /// Errors without a message.
    Errors(Vec<ErrorCode>),
    /// A customer stops or resumes marketing messages.
    Preference(MarketingPreference),
}
