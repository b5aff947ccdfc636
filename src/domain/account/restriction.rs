//! Restrictions of an account or of one of its numbers, as `account_update` reports them.

use std::cmp::Ordering;

use crate::domain::{DisplayDigits, Timestamp, meta_words};

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

impl RestrictionType {
    /// Whether `health_status` shows the restriction. Only restrictions of messages appear there: a restriction of
    /// calls, of adding numbers or of Direct Send can be in force while every entity is AVAILABLE. AVAILABLE is also no
    /// sign of the end of a restriction of an unknown type.
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
    /// End time that marks a lifted restriction. Meta never sends this time, and it is always in the past.
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

/// Of two reports in the same second, a restriction sorts after the report that it is lifted, so that the restriction
/// is shown.
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
