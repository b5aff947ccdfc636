//! A business phone number.

use serde::Serialize;

use super::Health;

/// A business phone number. Its words are Meta's; unknown words can be set to test a reader.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhoneNumber {
    /// The phone number id, numeric text.
    pub id: String,
    /// The account it belongs to; set when the number is added to a world.
    pub waba_id: String,
    /// In the format of the Graph API: `+1 555-010-0199`.
    pub display_phone_number: String,
    /// The approved display name.
    pub verified_name: String,
    /// GREEN, YELLOW, RED, UNKNOWN or NA.
    pub quality_rating: String,
    /// CONNECTED, FLAGGED, RESTRICTED, ….
    pub status: String,
    /// The deprecated limit of the number itself; `None` if Meta no longer sends it.
    pub messaging_limit_tier: Option<String>,
    /// STANDARD, HIGH or NOT_APPLICABLE.
    pub throughput_level: String,
    /// APPROVED, AVAILABLE_WITHOUT_REVIEW, DECLINED, EXPIRED, PENDING_REVIEW or NONE.
    pub name_status: String,
    /// The same words, for a name that waits for a decision.
    pub new_name_status: String,
    /// The name that waits for a decision. `None` omits it from responses.
    pub new_display_name: Option<String>,
    /// VERIFIED, NOT_VERIFIED or EXPIRED.
    pub code_verification_status: String,
    /// LIVE or SANDBOX.
    pub account_mode: String,
    /// CLOUD_API, ON_PREMISE or NOT_APPLICABLE; also `host_platform`.
    pub platform_type: String,
    /// Whether it has the badge of an official business account.
    pub is_official_business_account: bool,
    /// Whether two-step verification is enabled.
    pub is_pin_enabled: bool,
    /// Unix seconds.
    pub last_onboarded_time: i64,
    /// The number's own health entity.
    pub health: Health,
    /// Whether calls over SIP are blocked. The overall health is then BLOCKED although messages can be sent, as in
    /// the example on Meta's page "Messaging and Calling Health Status".
    pub is_calling_blocked: bool,
    /// Override of the callback URL for this number's messages.
    pub override_callback_url: Option<String>,
}

impl PhoneNumber {
    /// A connected, green, verified number.
    #[must_use]
    pub fn new(id: &str, display_phone_number: &str, verified_name: &str) -> Self {
        Self {
            id: id.into(),
            waba_id: String::new(),
            display_phone_number: display_phone_number.into(),
            verified_name: verified_name.into(),
            quality_rating: "GREEN".into(),
            status: "CONNECTED".into(),
            messaging_limit_tier: Some("TIER_10K".into()),
            throughput_level: "STANDARD".into(),
            name_status: "APPROVED".into(),
            new_name_status: "NONE".into(),
            new_display_name: None,
            code_verification_status: "VERIFIED".into(),
            account_mode: "LIVE".into(),
            platform_type: "CLOUD_API".into(),
            is_official_business_account: false,
            is_pin_enabled: true,
            last_onboarded_time: 1_770_113_472,
            health: Health::available(),
            is_calling_blocked: false,
            override_callback_url: None,
        }
    }

    /// The number as in webhooks: only digits.
    #[must_use]
    pub fn digits(&self) -> String {
        self.display_phone_number
            .chars()
            .filter(char::is_ascii_digit)
            .collect()
    }
}
