//! WhatsApp Business Accounts: their attributes, and what webhooks report.

use std::cmp::Ordering;

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
    /// `ban_info.waba_ban_state`. `NONE` is not a word of Meta: no ban has been reported.
    BanState {
        None = "NONE",
        ScheduleForDisable = "SCHEDULE_FOR_DISABLE",
        Disable = "DISABLE",
        Reinstate = "REINSTATE",
    }
}

meta_words! {
    /// `restriction_info[].restriction_type`.
    RestrictionType {
        AddPhoneNumberAction = "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
        BizInitiatedMessaging = "RESTRICTED_BIZ_INITIATED_MESSAGING",
        CustomerInitiatedMessaging = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
        BizInitiatedAndUserInitiatedCalling = "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
        BusinessInitiatedCalling = "RESTRICTED_BUSINESS_INITIATED_CALLING",
        UserInitiatedCalling = "RESTRICTED_USER_INITIATED_CALLING",
        UserInitiatedCallingCallButtonHidden = "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN",
        UtilityTemplates = "RESTRICTED_UTILITY_TEMPLATES",
        DirectSendUtilityTemplates = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES",
    }
}

meta_words! {
    /// `violation_info.violation_type`. Meta says the list may change. The types of Direct Send come with the event
    /// `ACCOUNT_RESTRICTION`, and some of them report no violation: see [`ViolationType::effect`].
    ViolationType {
        Adult = "ADULT",
        Alcohol = "ALCOHOL",
        Animals = "ANIMALS",
        BodyPartsFluids = "BODY_PARTS_FLUIDS",
        Dating = "DATING",
        DigitalServicesProducts = "DIGITAL_SERVICES_PRODUCTS",
        DirectSendOffboard = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_OFFBOARD",
        DirectSendRateLimit = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_RATE_LIMIT",
        DirectSendRateLimitRecovery = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_RATE_LIMIT_RECOVERY",
        DirectSendStrike1 = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_1",
        DirectSendStrike2 = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_2",
        DirectSendTemplateAbuse = "DIRECT_SEND_UTILITY_TEMPLATE_ABUSE",
        DirectSendUnban = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN",
        DirectSendWarn = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_WARN",
        Drugs = "DRUGS",
        Gambling = "GAMBLING",
        Healthcare = "HEALTHCARE",
        IllegalProducts = "ILLEGAL_PRODUCTS",
        LowBusinessInitiatedCallingQuality = "LOW_BUSINESS_INITIATED_CALLING_QUALITY",
        LowCallingQuality = "LOW_CALLING_QUALITY",
        LowUserInitiatedCallingQuality = "LOW_USER_INITIATED_CALLING_QUALITY",
        Misleading = "MISLEADING",
        OverlySexualizedPositioning = "OVERTLY_SEXUALIZED_POSITIONING",
        RealFakeCurrency = "REAL_FAKE_CURRENCY",
        Scam = "SCAM",
        Supplements = "SUPPLEMENTS",
        ThirdPartyInfringements = "THIRD_PARTY_INFRINGEMENTS",
        Tobacco = "TOBACCO",
        UnauthorizedMedia = "UNAUTHORIZED_MEDIA",
        UserInitiatedCallsLowPickupRate = "USER_INITIATED_CALLS_LOW_PICKUP_RATE",
        Weapons = "WEAPONS",
    }
}

/// What an `account_update` with a violation type reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationEffect {
    /// A violation. A restriction, if any, is in the same event.
    Violation,
    /// A warning: nothing is restricted.
    Warning,
    /// The end of restrictions of this type.
    Lifts(RestrictionType),
}

impl ViolationType {
    /// Prefix of the types of Direct Send.
    const DIRECT_SEND: &'static str = "DIRECT_SEND_";

    /// What the type reports. A type that this version does not know is a violation.
    #[must_use]
    pub fn effect(self) -> ViolationEffect {
        match self {
            Self::DirectSendWarn | Self::DirectSendTemplateAbuse => ViolationEffect::Warning,
            Self::DirectSendUnban | Self::DirectSendRateLimitRecovery => {
                ViolationEffect::Lifts(RestrictionType::DirectSendUtilityTemplates)
            }
            Self::Adult
            | Self::Alcohol
            | Self::Animals
            | Self::BodyPartsFluids
            | Self::Dating
            | Self::DigitalServicesProducts
            | Self::DirectSendOffboard
            | Self::DirectSendRateLimit
            | Self::DirectSendStrike1
            | Self::DirectSendStrike2
            | Self::Drugs
            | Self::Gambling
            | Self::Healthcare
            | Self::IllegalProducts
            | Self::LowBusinessInitiatedCallingQuality
            | Self::LowCallingQuality
            | Self::LowUserInitiatedCallingQuality
            | Self::Misleading
            | Self::OverlySexualizedPositioning
            | Self::RealFakeCurrency
            | Self::Scam
            | Self::Supplements
            | Self::ThirdPartyInfringements
            | Self::Tobacco
            | Self::UnauthorizedMedia
            | Self::UserInitiatedCallsLowPickupRate
            | Self::Weapons
            | Self::Other => ViolationEffect::Violation,
        }
    }

    /// The type that has the same effect as an unknown type of Direct Send. Meta names each step of the ladder with
    /// the kind of abuse and the step, so a new kind of abuse has the known steps. A warning or an end that is read as
    /// `OTHER` would keep a restriction that is over, or count a violation that did not happen.
    #[must_use]
    pub fn from_unknown(word: &str) -> Self {
        let word = word.to_ascii_uppercase();
        let steps = [
            ("_WARN", Self::DirectSendWarn),
            ("_UNBAN", Self::DirectSendUnban),
            ("_RATE_LIMIT_RECOVERY", Self::DirectSendRateLimitRecovery),
        ];
        let mut steps = steps.into_iter();
        let same = steps.find(|(step, _)| word.ends_with(step));
        same.filter(|_| word.starts_with(Self::DIRECT_SEND))
            .map_or(Self::Other, |(_, known)| known)
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
    /// lack the field, so only an answer to a request for it says that there is none.
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

impl RestrictionType {
    /// Whether `health_status` shows the restriction. It is about messages: a restriction of calls, of adding numbers
    /// or of Direct Send can be in force while every entity is AVAILABLE. What an unknown type restricts is unknown,
    /// so AVAILABLE is no sign of its end.
    #[must_use]
    pub fn is_about_messages(self) -> bool {
        match self {
            Self::BizInitiatedMessaging
            | Self::CustomerInitiatedMessaging
            | Self::UtilityTemplates => true,
            Self::AddPhoneNumberAction
            | Self::BizInitiatedAndUserInitiatedCalling
            | Self::BusinessInitiatedCalling
            | Self::UserInitiatedCalling
            | Self::UserInitiatedCallingCallButtonHidden
            | Self::DirectSendUtilityTemplates
            | Self::Other => false,
        }
    }
}

/// One entry of `restriction_info`, or the report that restrictions of a type are lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The restricted function.
    pub kind: RestrictionType,
    /// When it ends. `None` if Meta gives no end.
    pub expires_at: Option<Timestamp>,
}

impl Restriction {
    /// The end of a restriction that is lifted: no restriction from Meta has it, and it is over at any time.
    const LIFTED: Timestamp = Timestamp::from_millis(0);

    /// The report that restrictions of this type are lifted.
    #[must_use]
    pub fn lifted(kind: RestrictionType) -> Self {
        Self {
            kind,
            expires_at: Some(Self::LIFTED),
        }
    }

    /// Whether this is the report that restrictions are lifted.
    #[must_use]
    pub fn is_lifted(&self) -> bool {
        self.expires_at == Some(Self::LIFTED)
    }
}

/// Of two reports in the same second, the restriction is the later one, so that it is not missed.
impl Ord for Restriction {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = |one: &Self| (one.kind, !one.is_lifted(), one.expires_at);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for Restriction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a restriction applies to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RestrictionScope {
    /// The restricted function.
    pub kind: RestrictionType,
    /// The phone number that Meta names, as digits. `None` for the whole account.
    pub digits: Option<DisplayDigits>,
}

/// `violation_info`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `violation_type`.
    pub kind: ViolationType,
    /// `remediation`: Meta's text on what to do. The parser bounds its length.
    pub remediation: Option<String>,
}

/// `ban_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    /// `waba_ban_state`.
    pub state: BanState,
    /// `waba_ban_date`, midnight UTC of Meta's prose date.
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
