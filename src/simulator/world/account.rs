//! A WhatsApp Business Account (WABA).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use super::Health;

/// Meta's template limit for a verified portfolio with an approved display name.
pub(super) const VERIFIED_TEMPLATE_LIMIT: u32 = 6_000;
/// Maximum numbers of an account for which Meta has not raised the limit.
const DEFAULT_PHONE_NUMBER_LIMIT: u32 = 25;

/// A WhatsApp Business Account, with the order of the nodes on its edges.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// The WABA id, numeric text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The owning portfolio.
    pub business_id: String,
    /// The portfolio that can read this account as a client's. `None` if there is none.
    pub client_of_business_id: Option<String>,
    /// Currency code according to ISO 4217.
    pub currency: String,
    /// Text such as `138`, as on the account node.
    pub timezone_id: String,
    /// Country code according to ISO 3166. `None` omits it from responses.
    pub country: Option<String>,
    /// APPROVED, PENDING, REJECTED, ...
    pub account_review_status: String,
    /// For example ACTIVE.
    pub status: String,
    /// `SELF`, `CLIENT_OWNED` or `ON_BEHALF_OF`.
    pub ownership_type: String,
    /// Last word of `ban_info`: SCHEDULE_FOR_DISABLE, DISABLE or REINSTATE; `None` if never banned.
    pub ban_state: Option<String>,
    /// Time of the ban in Unix seconds. Set together with [`Self::ban_state`].
    pub ban_date: Option<i64>,
    /// Restrictions in force.
    pub restrictions: Vec<Restriction>,
    /// The account's own health entity.
    pub health: Health,
    /// `primary_funding_id`; `None` omits it from responses, as for an account without a means of payment.
    pub funding_id: Option<String>,
    /// `disable_marketing_messages_on_cloud_api`.
    pub is_marketing_disabled: bool,
    /// `marketing_messages_onboarding_status`, for example ELIGIBLE; any other word is sent unchanged.
    pub marketing_onboarding_status: String,
    /// Whether the account has template insights.
    pub insights: InsightsAccess,
    /// Apps that receive this account's webhooks.
    pub subscribed_app_ids: Vec<String>,
    /// `override_callback_uri` of our app on this account; does not apply to management webhooks.
    pub override_callback_url: Option<String>,
    /// Maximum number of templates.
    pub message_template_limit: u32,
    /// Maximum number of phone numbers.
    pub phone_number_limit: u32,
    /// Whether a number is registered, which raises the quota from 200 to 5,000 calls per hour.
    pub registered: bool,
    /// Whether the token may read the account. If not, responses are 100/33, as for an account that does not exist.
    pub is_visible: bool,
    /// Rate limit in force, regardless of the quota.
    pub rate_limit: Option<ForcedRateLimit>,
    /// Fields that this account, its numbers and its templates lack; requesting one fails the call.
    pub retired_fields: BTreeSet<String>,
    /// Ids on the `phone_numbers` edge, last onboarded first.
    pub phone_number_ids: Vec<String>,
    /// Ids of the stored templates on the `message_templates` edge.
    pub template_ids: Vec<String>,
    /// Ids of the templates on that edge that are not stored, but derived from their ids. Empty outside a fleet.
    pub derived_templates: Range<u64>,
}

/// Whether an account has template insights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum InsightsAccess {
    /// They are switched on.
    Enabled,
    /// They are not switched on: error 200007.
    Disabled,
    /// The account cannot have them: error 200005.
    Unavailable,
}

/// One entry of `restriction_info`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restriction {
    /// For example RESTRICTED_BIZ_INITIATED_MESSAGING.
    pub restriction_type: String,
    /// Unix seconds; `None` means without an end.
    pub expiration: Option<i64>,
}

/// A rate limit that applies until it is lifted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForcedRateLimit {
    /// 80008, 80007, 4, ...
    pub code: u32,
    /// Minutes for `estimated_time_to_regain_access`.
    pub regain_minutes: u32,
}

impl Account {
    /// An approved, active, registered account without numbers or templates.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            business_id: String::new(),
            client_of_business_id: None,
            currency: "EUR".into(),
            timezone_id: "138".into(),
            country: None,
            account_review_status: "APPROVED".into(),
            status: "ACTIVE".into(),
            ownership_type: "SELF".into(),
            ban_state: None,
            ban_date: None,
            restrictions: Vec::new(),
            health: Health::available(),
            funding_id: Some(format!("1{id}")),
            is_marketing_disabled: false,
            marketing_onboarding_status: "ELIGIBLE".into(),
            insights: InsightsAccess::Disabled,
            subscribed_app_ids: Vec::new(),
            override_callback_url: None,
            message_template_limit: VERIFIED_TEMPLATE_LIMIT,
            phone_number_limit: DEFAULT_PHONE_NUMBER_LIMIT,
            registered: true,
            is_visible: true,
            rate_limit: None,
            retired_fields: BTreeSet::new(),
            phone_number_ids: Vec::new(),
            template_ids: Vec::new(),
            derived_templates: 0..0,
        }
    }

    /// The ids on the `message_templates` edge.
    #[must_use]
    pub fn listed_templates(&self) -> Vec<Cow<'_, str>> {
        let stored = self.template_ids.iter().map(|id| id.as_str().into());
        let derived = self.derived_templates.clone();
        stored
            .chain(derived.map(|id| id.to_string().into()))
            .collect()
    }

    /// The length of the `message_templates` edge.
    #[must_use]
    pub fn template_count(&self) -> usize {
        self.template_ids.len() + self.derived_templates.clone().count()
    }
}
