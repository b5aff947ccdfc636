//! WhatsApp Business Accounts: their attributes, and what webhooks report.

mod restriction;
mod violation;

pub use restriction::{Restriction, RestrictionScope, RestrictionType};
pub use violation::{Violation, ViolationEffect, ViolationType};

use super::attribute::snapshot;
use super::word::meta_words;
use super::{
    Attribute, AttributeKind, BusinessId, CallbackOverride, CanSendMessage, DisplayDigits, FlowId,
    Health, HealthDetails, MessagingLimit, Timestamp,
};

meta_words! {
    /// `account_review_status`, and `decision` of `account_review_update`.
    ReviewStatus {
        Approved = "APPROVED",
        Pending = "PENDING",
        Rejected = "REJECTED",
        Deferred = "DEFERRED",
        Restricted = "RESTRICTED",
        LimitReached = "LIMIT_REACHED",
    }
}

meta_words! {
    /// `business_verification_status`; lower case on the wire, upper case in the OpenAPI file.
    BusinessVerificationStatus {
        Verified = "verified",
        NotVerified = "not_verified",
        Pending = "pending",
        PendingNeedMoreInfo = "pending_need_more_info",
        PendingSubmission = "pending_submission",
        Expired = "expired",
        Failed = "failed",
        Ineligible = "ineligible",
        Rejected = "rejected",
        Revoked = "revoked",
    }
}

meta_words! {
    /// `status` of the account. Only `ACTIVE` is confirmed.
    Status {
        Active = "ACTIVE",
    }
}

meta_words! {
    /// `event` of `account_update`.
    EventKind {
        AccountDeleted = "ACCOUNT_DELETED",
        AccountOffboarded = "ACCOUNT_OFFBOARDED",
        AccountReconnected = "ACCOUNT_RECONNECTED",
        AccountRestriction = "ACCOUNT_RESTRICTION",
        AccountViolation = "ACCOUNT_VIOLATION",
        AdAccountLinked = "AD_ACCOUNT_LINKED",
        AuthIntlPriceEligibilityUpdate = "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
        BusinessPrimaryLocationCountryUpdate = "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        DisabledUpdate = "DISABLED_UPDATE",
        MmLiteTermsSigned = "MM_LITE_TERMS_SIGNED",
        PartnerAdded = "PARTNER_ADDED",
        PartnerAppInstalled = "PARTNER_APP_INSTALLED",
        PartnerAppUninstalled = "PARTNER_APP_UNINSTALLED",
        PartnerClientCertificationNeeded = "PARTNER_CLIENT_CERTIFICATION_NEEDED",
        PartnerClientCertificationStatusUpdate = "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
        PartnerRemoved = "PARTNER_REMOVED",
        VerifiedAccount = "VERIFIED_ACCOUNT",
        VolumeBasedPricingTierUpdate = "VOLUME_BASED_PRICING_TIER_UPDATE",
    }
}

/// Effect of an `account_update` on the link between this app and the account or one of its phone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The account is gone, or this app no longer has access to it.
    Lost,
    /// The account is back, or this app has access to it again.
    Restored,
}

impl EventKind {
    /// Whether the event breaks or restores the link between the account and this app.
    #[must_use]
    pub fn link(self) -> Option<Link> {
        match self {
            Self::AccountDeleted
            | Self::AccountOffboarded
            | Self::PartnerAppUninstalled
            | Self::PartnerRemoved => Some(Link::Lost),
            Self::AccountReconnected | Self::PartnerAdded | Self::PartnerAppInstalled => {
                Some(Link::Restored)
            }
            // Bans and restrictions have their own metrics; all other events do not affect the link.
            Self::AccountRestriction
            | Self::AccountViolation
            | Self::AdAccountLinked
            | Self::AuthIntlPriceEligibilityUpdate
            | Self::BusinessPrimaryLocationCountryUpdate
            | Self::DisabledUpdate
            | Self::MmLiteTermsSigned
            | Self::PartnerClientCertificationNeeded
            | Self::PartnerClientCertificationStatusUpdate
            | Self::VerifiedAccount
            | Self::VolumeBasedPricingTierUpdate
            | Self::Other => None,
        }
    }
}

meta_words! {
    /// `ban_info.waba_ban_state`. `NONE` is the exporter's own word: Meta has not reported a ban.
    BanState {
        None = "NONE",
        ScheduleForDisable = "SCHEDULE_FOR_DISABLE",
        Disable = "DISABLE",
        Reinstate = "REINSTATE",
    }
}

meta_words! {
    /// `disconnection_info.reason`: why a number that is shared with the WhatsApp Business app was disconnected.
    DisconnectionReason {
        AccountDisconnected = "ACCOUNT_DISCONNECTED",
        BusinessDowngrade = "BUSINESS_DOWNGRADE",
        ChangeNumber = "CHANGE_NUMBER",
        CompanionInactivity = "COMPANION_INACTIVITY",
        PrimaryInactivity = "PRIMARY_INACTIVITY",
        UserReRegistered = "USER_RE_REGISTERED",
    }
}

meta_words! {
    /// `disconnection_info.initiated_by`.
    Initiator {
        System = "SYSTEM",
        User = "USER",
    }
}

/// `disconnection_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disconnection {
    /// Why.
    pub reason: Option<DisconnectionReason>,
    /// Who disconnected the number.
    pub initiated_by: Option<Initiator>,
}

meta_words! {
    /// `alert_severity` of `account_alerts`.
    AlertSeverity {
        Critical = "CRITICAL",
        Warning = "WARNING",
        Informational = "INFORMATIONAL",
    }
}

meta_words! {
    /// `alert_type` of `account_alerts`.
    AlertType {
        IncreasedCapabilitiesEligibilityDeferred = "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
        IncreasedCapabilitiesEligibilityFailed = "INCREASED_CAPABILITIES_ELIGIBILITY_FAILED",
        IncreasedCapabilitiesEligibilityNeedMoreInfo = "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
        ObaApproved = "OBA_APPROVED",
        ObaRejected = "OBA_REJECTED",
        ProfilePictureLost = "PROFILE_PICTURE_LOST",
    }
}

meta_words! {
    /// Why a watched account is no longer visible. The words are the exporter's own: Meta gives no reason.
    Loss {
        None = "NONE",
        NotDiscovered = "NOT_DISCOVERED",
        Unreadable = "UNREADABLE",
    }
}

meta_words! {
    /// Whether `primary_funding_id` has a value. The words are the exporter's own. Accounts that a partner pays for may
    /// lack the field, so it counts as missing only if the request asked for it.
    Funding {
        Unknown = "UNKNOWN",
        Attached = "ATTACHED",
        Missing = "MISSING",
    }
}

meta_words! {
    /// `marketing_messages_onboarding_status`.
    MarketingOnboarding {
        IneligibleOnBehalfOfWaba = "INELIGIBLE_ON_BEHALF_OF_WABA",
        IneligibleInactiveOrRestricted = "INELIGIBLE_INACTIVE_OR_RESTRICTED",
        IneligibleCountryNotSupported = "INELIGIBLE_COUNTRY_NOT_SUPPORTED",
        IneligibleUsingWhatsappBusinessApp = "INELIGIBLE_USING_WHATSAPP_BUSINESS_APP",
        Eligible = "ELIGIBLE",
        PendingValidPaymentMethod = "PENDING_VALID_PAYMENT_METHOD",
        PendingInternalSetup = "PENDING_INTERNAL_SETUP",
        Onboarded = "ONBOARDED",
    }
}

/// The attributes of an account; see [`attribute`](super::attribute) for the columns. Requests list the fields in the
/// order of the rows. Bans and restrictions are values with their own dates, so they are not in the table.
macro_rules! account_attributes {
    ($then:path) => {
        $then! {
            polled {
                name: Latest<String> = text("name");
                /// ISO 4217.
                currency: Latest<String> = text("currency");
                /// Meta's number of a time zone.
                timezone_id: Latest<String> = text("timezone_id");
                /// The portfolio that owns the account.
                business_id: Latest<BusinessId> = business_id("owner_business_info.id");
                review_status: History<ReviewStatus> = word("account_review_status"), shared;
                business_verification_status: History<BusinessVerificationStatus> = word("business_verification_status");
                status: History<Status> = word("status");
                /// The portfolio's limit: unique customers per 24 hours.
                messaging_limit: History<MessagingLimit> = limit("whatsapp_business_manager_messaging_limit"), shared;
                health: Latest<Health> = health("health_status");
                /// The errors and remarks of the health's entities.
                health_details: Latest<HealthDetails> = health_details("health_status");
                /// Whether a means of payment is attached. Its id is not stored.
                funding: Latest<Funding> = funding("primary_funding_id");
                /// Whether marketing messages by Cloud API are switched off.
                marketing_disabled: History<bool> = flag("disable_marketing_messages_on_cloud_api");
                /// Whether the account can use the Marketing Messages API.
                marketing_onboarding: Latest<MarketingOnboarding> = word("marketing_messages_onboarding_status");
                /// Whether Meta gives daily figures of templates. Once switched on, it stays on.
                insights_enabled: Latest<bool> = flag("is_enabled_for_insights");
                /// Whether this exporter's app is subscribed. An edge, requested with the node to save a call.
                webhook_subscribed: Latest<bool> = read_with_own_app("subscribed_apps");
                /// Where Meta delivers messages of the account instead of to the app's callback URL.
                callback_override: Latest<CallbackOverride> = read_with_own_app("subscribed_apps");
            }
            derived {
                /// Whether the account can send, according to the entities of its health.
                can_send_message: History<CanSendMessage>;
            }
            reported {
                /// Maximum number of phone numbers.
                phone_numbers_limit: Latest<u64>;
            }
        }
    };
}
pub(crate) use account_attributes;

account_attributes!(snapshot);

/// The ban state as a journalled attribute.
pub const BAN_STATE: Attribute = Attribute::new("ban_state", AttributeKind::History);
/// The loss of the account as a journalled attribute.
pub const LOSS: Attribute = Attribute::new("loss", AttributeKind::History);
/// The restriction as a journalled attribute.
pub const RESTRICTION: Attribute = Attribute::new("restriction", AttributeKind::History);

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl Snapshot {
    /// The lowest value among the health's entities.
    #[must_use]
    pub fn can_send_message(&self) -> Option<CanSendMessage> {
        self.health.as_ref().map(|health| health.can_send_message)
    }
}

/// `ban_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    /// `waba_ban_state`.
    pub state: BanState,
    /// `waba_ban_date`: midnight UTC of the date that Meta writes as prose.
    pub date: Option<Timestamp>,
}

meta_words! {
    /// `event` of `flows`. Those with an `alert_state` are alerts.
    FlowEventKind {
        ClientErrorRate = "CLIENT_ERROR_RATE",
        EndpointAvailability = "ENDPOINT_AVAILABILITY",
        EndpointErrorRate = "ENDPOINT_ERROR_RATE",
        EndpointLatency = "ENDPOINT_LATENCY",
        FlowStatusChange = "FLOW_STATUS_CHANGE",
        FlowVersionExpiryWarning = "FLOW_VERSION_EXPIRY_WARNING",
    }
}

meta_words! {
    /// `alert_state` of `flows`.
    FlowAlertState {
        Activated = "ACTIVATED",
        Deactivated = "DEACTIVATED",
    }
}

/// A webhook update of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// `account_update`.
    AccountUpdate {
        /// `event`.
        event: EventKind,
        /// Digits of the phone number that the event is about. `None` if it is about the account.
        digits: Option<DisplayDigits>,
        /// `ban_info`.
        ban: Option<Ban>,
        /// `restriction_info`, as a list even if Meta sent a single object.
        restrictions: Vec<Restriction>,
        /// `violation_info`.
        violation: Option<Violation>,
        /// `disconnection_info`.
        disconnection: Option<Disconnection>,
    },
    /// `account_review_update`.
    Review(ReviewStatus),
    /// `account_alerts`.
    Alert {
        /// `alert_severity`.
        severity: AlertSeverity,
        /// `alert_type`.
        alert: AlertType,
    },
    /// An alert of `flows`.
    Flow {
        /// `flow_id`.
        flow_id: FlowId,
        /// `event`.
        event: FlowEventKind,
        /// `alert_state`.
        state: FlowAlertState,
    },
    /// `business_capability_update`.
    Capability {
        /// `max_daily_conversations_per_business`, or its name before v24.
        messaging_limit: Option<MessagingLimit>,
        /// `max_phone_numbers_per_waba`, or `..._per_business`.
        phone_numbers_limit: Option<u64>,
    },
}
