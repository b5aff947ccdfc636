//! The send gate: the verdict on a planned campaign, the reasons for it, and the policy that weighs them.

use std::collections::BTreeMap;
use std::time::Duration;

/// Whether a campaign may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendVerdict {
    /// There is no reason against it.
    Go,
    /// A person should consider the reasons first.
    Caution,
    /// It must not be sent.
    Stop,
    /// Data is missing.
    Unknown,
}

impl SendVerdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [Self::Go, Self::Caution, Self::Stop, Self::Unknown];

    /// The verdict as text, also the label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Caution => "caution",
            Self::Stop => "stop",
            Self::Unknown => "unknown",
        }
    }

    /// The verdict of this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// The effect of a reason on the verdict, weakest first. The strongest effect of all reasons is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendEffect {
    /// The reason is listed, and does not affect the verdict.
    Ignore,
    /// A person should consider the reason before sending.
    Caution,
    /// Data is missing, so no verdict is possible.
    Unknown,
    /// The campaign must not be sent.
    Stop,
}

impl SendEffect {
    /// The effect as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Caution => "caution",
            Self::Unknown => "unknown",
            Self::Stop => "stop",
        }
    }

    /// The verdict if this is the strongest effect.
    #[must_use]
    pub fn verdict(self) -> SendVerdict {
        match self {
            Self::Ignore => SendVerdict::Go,
            Self::Caution => SendVerdict::Caution,
            Self::Unknown => SendVerdict::Unknown,
            Self::Stop => SendVerdict::Stop,
        }
    }
}

/// Declares the reasons, each with its code, its effect by default, and its meaning.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $effect:ident, $meaning:literal;)+) => {
        /// A reason against sending, or for caution.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum SendReasonCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl SendReasonCode {
            /// All reasons, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// The effect without a policy.
            #[must_use]
            pub fn default_effect(self) -> SendEffect {
                match self {
                    $(Self::$variant => SendEffect::$effect,)+
                }
            }

            /// The meaning, one sentence without its full stop.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)+
                }
            }
        }
    };
}

reasons! {
    NumberUnknown = "number_unknown", Unknown, "No watched account lists the phone number";
    TemplateUnknown = "template_unknown", Unknown, "The account has no template with this name and language";
    NotReadYet = "not_read_yet", Unknown, "The account, its phone numbers or its templates have never been polled completely";
    AccountLost = "account_lost", Unknown, "The account is no longer visible at Meta, so its data is not updated";
    SendingUnknown = "sending_unknown", Unknown, "Meta has reported neither the status of the phone number nor whether it can send";
    NumberFlagged = "number_flagged", Stop, "The phone number is FLAGGED; `until` is the time by which its rating must recover";
    NumberRestricted = "number_restricted", Stop, "The phone number is RESTRICTED";
    NumberRateLimited = "number_rate_limited", Stop, "The phone number is RATE_LIMITED";
    NumberBanned = "number_banned", Stop, "The phone number is BANNED";
    NumberOutOfService = "number_out_of_service", Stop, "The phone number is not connected: DISCONNECTED, MIGRATED, DELETED, UNLINKED, OFFLINE, PAUSED, PENDING or UNVERIFIED";
    NumberBlocked = "number_blocked", Stop, "The health of the phone number is BLOCKED, for another reason than payment";
    QualityRed = "quality_red", Stop, "The quality rating of the phone number is RED";
    AccountBlocked = "account_blocked", Stop, "The health of the account is BLOCKED, for another reason than payment";
    AccountBanned = "account_banned", Stop, "Meta has disabled the account";
    AccountDisableScheduled = "account_disable_scheduled", Stop, "Meta disables the account at `until`";
    AccountDisconnected = "account_disconnected", Stop, "Meta reported that the account or the phone number was deleted or disconnected, and no poll has succeeded since";
    AccountRejected = "account_rejected", Stop, "The review of the account is REJECTED or RESTRICTED";
    MessagingRestricted = "messaging_restricted", Stop, "A restriction of business-initiated messages, or of utility templates for a UTILITY template, is in force, until `until` if Meta gives an end";
    PaymentMissing = "payment_missing", Stop, "The account has no valid payment method (141006), so business-initiated messages fail";
    MarketingDisabled = "marketing_disabled", Stop, "The template is MARKETING, and marketing messages by Cloud API are switched off for the account (131063)";
    TemplatePaused = "template_paused", Stop, "The template is PAUSED, until `until` if Meta gives an end";
    TemplateNotApproved = "template_not_approved", Stop, "The template is neither APPROVED nor PAUSED";
    TemplateRed = "template_red", Stop, "The quality rating of the template is RED";
    LimitExceeded = "limit_exceeded", Stop, "The recipients exceed the unused part of the portfolio's messaging limit, or the limit is used up";
    StaleData = "stale_data", Caution, "The decision is based on data older than `gate.max_age`";
    HeadroomUnknown = "headroom_unknown", Caution, "The messaging limit of the portfolio, or its use in the last 24 hours, is unknown";
    HeadroomIncomplete = "headroom_incomplete", Caution, "The use of the messaging limit is a lower bound, because not all of the portfolio's messages were observed";
    NumberWarned = "number_warned", Caution, "The phone number is WARNED";
    NumberStatusUnknown = "number_status_unknown", Caution, "The status of the phone number is unknown";
    NumberLimited = "number_limited", Caution, "The health of the phone number is LIMITED or unknown, for another reason than an unverified portfolio";
    QualityYellow = "quality_yellow", Caution, "The quality rating of the phone number is YELLOW";
    QualityFell = "quality_fell", Caution, "The quality rating of the phone number has recovered, but was YELLOW or RED in the last 7 days";
    QualityUnknown = "quality_unknown", Caution, "Meta has not reported a quality rating of the phone number, not even UNKNOWN";
    AccountLimited = "account_limited", Caution, "The health of the account is LIMITED or unknown, for another reason than an unverified portfolio";
    AccountInReview = "account_in_review", Caution, "The review of the account is not APPROVED and not rejected";
    RestrictionInForce = "restriction_in_force", Caution, "A restriction that may affect the campaign is in force: of customer-initiated messages, or of a type that this version does not know";
    FundingMissing = "funding_missing", Caution, "Meta returns no payment method of the account. Accounts that a partner pays for may have none";
    TemplateYellow = "template_yellow", Caution, "The quality rating of the template is YELLOW";
    TemplateQualityUnknown = "template_quality_unknown", Caution, "Meta has not reported a quality rating of the template, not even UNKNOWN";
    TemplateDisableScheduled = "template_disable_scheduled", Caution, "Meta disables the template at `until`";
    CategoryChange = "category_change", Caution, "Meta has announced another category for the template, from `until` on if it gives a time";
    OptOutSurge = "opt_out_surge", Caution, "Many more customers than usual stopped marketing messages of this phone number";
    LimitDecreased = "limit_decreased", Caution, "The messaging limit decreased in the last 7 days";
    ThroughputDecreased = "throughput_decreased", Caution, "The throughput level of the phone number decreased in the last 7 days";
}

impl SendReasonCode {
    /// The reason with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|known| known.as_str() == code)
    }

    /// Whether a policy may change its effect. Without the data, no policy can allow sending.
    #[must_use]
    pub fn is_configurable(self) -> bool {
        self.default_effect() != SendEffect::Unknown
    }
}

/// How the send gate decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendPolicy {
    /// Age above which data counts as stale.
    pub max_age: Duration,
    /// The effects that differ from the default.
    pub effects: BTreeMap<SendReasonCode, SendEffect>,
}

impl SendPolicy {
    /// The effect of a reason.
    #[must_use]
    pub fn effect(&self, code: SendReasonCode) -> SendEffect {
        let changed = self.effects.get(&code).filter(|_| code.is_configurable());
        changed.copied().unwrap_or_else(|| code.default_effect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for code in SendReasonCode::ALL {
            assert_eq!(SendReasonCode::parse(code.as_str()), Some(*code));
            let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(code.as_str().chars().all(is_letter), "{code:?}");
            assert!(!code.meaning().ends_with('.'), "{code:?}");
        }
        assert_eq!(SendReasonCode::parse("quality"), None);
    }

    #[test]
    fn a_policy_cannot_replace_missing_data() {
        let ignore = |code| (code, SendEffect::Ignore);
        let policy = SendPolicy {
            max_age: Duration::from_secs(3_600),
            effects: SendReasonCode::ALL.iter().copied().map(ignore).collect(),
        };
        for code in SendReasonCode::ALL {
            let is_missing = code.default_effect() == SendEffect::Unknown;
            let expected = if is_missing {
                SendEffect::Unknown
            } else {
                SendEffect::Ignore
            };
            assert_eq!(policy.effect(*code), expected, "{code:?}");
        }
    }
}
