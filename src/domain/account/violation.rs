//! Violations of Meta's policies, and the types with which Direct Send reports warnings and lifted restrictions.

use super::RestrictionType;
use crate::domain::meta_words;

meta_words! {
    /// `violation_info.violation_type`. According to Meta, the list may change. The types of Direct Send come with the
    /// event `ACCOUNT_RESTRICTION`, and some of them report no violation: see [`ViolationType::effect`].
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

    /// The type that has the same effect as an unknown type of Direct Send. The name of a type consists of the kind of
    /// abuse and the step of escalation, so a new kind of abuse has known steps. If a warning or the end of a
    /// restriction were read as `OTHER`, a violation that did not happen would be counted, or a restriction would not
    /// end.
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

/// `violation_info`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `violation_type`.
    pub kind: ViolationType,
    /// `remediation`: Meta's text on what to do. The parser bounds its length.
    pub remediation: Option<String>,
}
