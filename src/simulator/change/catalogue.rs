//! The catalogue of changes, and their JSON for game days.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::details::{PauseReason, RestrictionNotice, Style};
use crate::simulator::world::HealthError;

/// One change at Meta. As JSON: `{"change":"number_flagged","phone_number_id":"..."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are ids and Meta's own words, explained once per variant"
)]
pub enum WorldChange {
    // ---- phone numbers -------------------------------------------------------------------------
    /// A rating changes. No webhook reports it.
    QualityRatingChanged {
        phone_number_id: String,
        quality_rating: String,
    },
    /// The rating became low: RED, status FLAGGED.
    NumberFlagged { phone_number_id: String },
    /// The rating was good for seven days: CONNECTED again, with the previous limit.
    NumberUnflagged {
        phone_number_id: String,
        quality_rating: String,
    },
    /// The rating stayed low for seven days: CONNECTED again, one limit lower; event DOWNGRADE.
    NumberFlagLapsed {
        phone_number_id: String,
        limit: String,
    },
    /// A limit changes. `New` changes the portfolio's limit, `Old` only that of the number.
    NumberLimitChanged {
        phone_number_id: String,
        limit: String,
        #[serde(default)]
        style: Style,
    },
    /// Event ONBOARDING for a number that is already listed.
    NumberOnboarded { phone_number_id: String },
    /// Throughput becomes HIGH; event THROUGHPUT_UPGRADE.
    ThroughputUpgraded { phone_number_id: String },
    /// Throughput changes without a webhook.
    ThroughputLevelChanged {
        phone_number_id: String,
        level: String,
    },
    /// Any `status` of the Graph API reference, or an unknown one. No webhook.
    NumberStatusChanged {
        phone_number_id: String,
        status: String,
    },
    /// A requested display name was decided on: APPROVED, DEFERRED, PENDING or REJECTED.
    NameDecided {
        phone_number_id: String,
        decision: String,
        requested_verified_name: String,
        rejection_reason: Option<String>,
    },
    /// VERIFIED, NOT_VERIFIED or EXPIRED. No webhook.
    CodeVerificationChanged {
        phone_number_id: String,
        status: String,
    },
    /// Calling is blocked: the overall health is BLOCKED, although every entity can send. No webhook.
    CallingBlocked {
        phone_number_id: String,
        is_blocked: bool,
    },
    /// A number is added to an account; event ONBOARDING.
    NumberAdded {
        waba_id: String,
        phone_number_id: String,
        display_phone_number: String,
        verified_name: String,
    },
    /// A number is listed under a further account, or no longer. No webhook.
    NumberShared {
        phone_number_id: String,
        waba_id: String,
        is_shared: bool,
    },
    /// A number is removed. No webhook.
    NumberRemoved { phone_number_id: String },
    /// An override moves the number's messages to another callback URL; without one, it is removed. No webhook.
    NumberCallbackOverridden {
        phone_number_id: String,
        callback_url: Option<String>,
    },
    /// ACCOUNT_RESTRICTION of one number, without an end if `in_seconds` is null.
    NumberRestricted {
        phone_number_id: String,
        restriction_type: String,
        in_seconds: Option<i64>,
    },
    /// `group_status_update`: one of the number's groups is suspended, or its suspension is cleared.
    GroupSuspended {
        phone_number_id: String,
        group_id: String,
        is_suspended: bool,
    },
    /// PIN_CHANGED, PIN_RESET_REQUEST or PIN_REQUEST_SUCCESS.
    SecurityEvent {
        phone_number_id: String,
        event: String,
    },

    // ---- templates -----------------------------------------------------------------------------
    /// A template is submitted: PENDING.
    TemplateCreated {
        waba_id: String,
        template_id: String,
        name: String,
        language: String,
        category: String,
    },
    /// A `message_template_status_update` that only has an event: APPROVED, ARCHIVED, UNARCHIVED, DELETED, IN_APPEAL,
    /// LIMIT_EXCEEDED, LOCKED, PENDING, PENDING_DELETION, REINSTATED, or a new word.
    TemplateEvent { template_id: String, event: String },
    /// REJECTED, with `rejection_info` if a recommendation is given.
    TemplateRejected {
        template_id: String,
        reason: String,
        recommendation: Option<String>,
    },
    /// PAUSED, with the pause's name in `other_info.title`.
    TemplatePaused {
        template_id: String,
        pause: PauseReason,
    },
    /// A pause ended: event APPROVED, title UNPAUSE.
    TemplateUnpaused { template_id: String },
    /// DISABLED permanently.
    TemplateDisabled { template_id: String },
    /// Event FLAGGED: Meta will disable the template after `in_seconds`.
    TemplateDisableAnnounced {
        template_id: String,
        in_seconds: i64,
        #[serde(default)]
        as_prose: bool,
    },
    /// A quality score changes; `under_status_field` sends it with the wrong `field`, as on Meta's page.
    TemplateQualityChanged {
        template_id: String,
        score: String,
        #[serde(default)]
        under_status_field: bool,
    },
    /// Meta announces a change of category after `in_seconds`.
    TemplateCategoryAnnounced {
        template_id: String,
        correct_category: String,
        in_seconds: i64,
    },
    /// Meta has changed the category.
    TemplateCategoryChanged {
        template_id: String,
        category: String,
    },
    /// The category returns to its value before Meta changed it. No webhook.
    TemplateCategoryRestored {
        template_id: String,
        category: String,
    },
    /// `template_correct_category_detection`, in either of its two documented forms.
    CorrectCategoryDetected {
        template_id: String,
        correct_category: String,
        #[serde(default)]
        style: Style,
    },
    /// The text was edited.
    TemplateComponentsChanged {
        template_id: String,
        body_text: String,
    },

    // ---- accounts ------------------------------------------------------------------------------
    /// ACCOUNT_RESTRICTION; `as_single_object` sends one object instead of a list.
    AccountRestricted {
        waba_id: String,
        restrictions: Vec<RestrictionNotice>,
        #[serde(default)]
        as_single_object: bool,
    },
    /// The restrictions end. No webhook reports it.
    AccountRestrictionEnded { waba_id: String },
    /// ACCOUNT_RESTRICTION with a `violation_type` of Direct Send. RATE_LIMIT, STRIKE_1, STRIKE_2 and OFFBOARD restrict
    /// Direct Send for `in_seconds`, or without an end; UNBAN and RATE_LIMIT_RECOVERY lift the restriction; all others
    /// are warnings. `health_status` stays AVAILABLE.
    DirectSendChanged {
        waba_id: String,
        violation_type: String,
        in_seconds: Option<i64>,
    },
    /// An alert of a Flow is activated or deactivated: CLIENT_ERROR_RATE, ENDPOINT_ERROR_RATE, ENDPOINT_LATENCY or
    /// ENDPOINT_AVAILABILITY.
    FlowAlertChanged {
        waba_id: String,
        flow_id: String,
        event: String,
        is_active: bool,
    },
    /// ACCOUNT_VIOLATION.
    AccountViolation {
        waba_id: String,
        violation_type: String,
    },
    /// DISABLED_UPDATE with SCHEDULE_FOR_DISABLE, DISABLE or REINSTATE; with `as_list`, as on Meta's partner page.
    AccountBanChanged {
        waba_id: String,
        ban_state: String,
        in_seconds: i64,
        #[serde(default)]
        as_list: bool,
    },
    /// `account_alerts`; `is_flat` puts `alert_*` directly into `value`.
    AccountAlert {
        waba_id: String,
        entity_type: String,
        entity_id: String,
        severity: String,
        status: String,
        alert_type: String,
        #[serde(default)]
        is_flat: bool,
    },
    /// `account_review_update`.
    AccountReviewed { waba_id: String, decision: String },
    /// `business_capability_update`: `Old` is v23 and earlier, `New` v24 and later.
    BusinessCapabilityUpdated {
        waba_id: String,
        limit: String,
        phone_numbers: u32,
        #[serde(default)]
        style: Style,
    },
    /// The portfolio's verification changes; `verified` also sends VERIFIED_ACCOUNT.
    BusinessVerificationChanged { waba_id: String, status: String },
    /// Any other `account_update`, with its details merged into `value`.
    AccountEvent {
        waba_id: String,
        event: String,
        #[serde(default)]
        details: Map<String, Value>,
    },
    /// `health_status` of an account, number, template, portfolio or app. No webhook.
    HealthChanged {
        id: String,
        can_send_message: String,
        explanation: String,
    },
    /// `health_status` as [`Self::HealthChanged`], with any errors and remarks at any word. No webhook.
    HealthReported {
        id: String,
        can_send_message: String,
        #[serde(default)]
        errors: Vec<HealthError>,
        #[serde(default)]
        additional_info: Vec<String>,
    },
    /// The means of payment is gone: the account is BLOCKED with error 141006. No webhook.
    PaymentMethodRemoved { waba_id: String },
    /// The account has a means of payment again. No webhook.
    PaymentMethodAdded { waba_id: String },
    /// Marketing messages by Cloud API are switched off or on; `onboarding_status` also changes the status of the
    /// Marketing Messages API. No webhook.
    MarketingMessagesChanged {
        waba_id: String,
        is_disabled: bool,
        #[serde(default)]
        onboarding_status: Option<String>,
    },

    // ---- customers -----------------------------------------------------------------------------
    /// A customer stops or resumes marketing messages: `stop` or `resume`. The customer has a telephone number
    /// (`wa_id`), an id of Meta's (`user_id`), or both.
    MarketingPreferenceChanged {
        phone_number_id: String,
        #[serde(default)]
        wa_id: Option<String>,
        #[serde(default)]
        user_id: Option<String>,
        value: String,
    },
    /// A customer asks, and a person answers in the WhatsApp Business app: `messages` and `smb_message_echoes`.
    CustomerAnsweredInApp {
        phone_number_id: String,
        wa_id: String,
        user_id: String,
    },
    /// A customer calls: two `calls` webhooks, one when the call begins, and one when it ends at once.
    CustomerCalled {
        phone_number_id: String,
        wa_id: String,
        user_id: String,
        is_answered: bool,
    },
    /// A customer gets a new user id: a system message.
    CustomerIdChanged {
        phone_number_id: String,
        wa_id: String,
        previous_user_id: String,
        user_id: String,
    },

    // ---- access --------------------------------------------------------------------------------
    /// The app is unsubscribed from the account: its webhooks stop.
    SubscriptionLost { waba_id: String },
    /// The app is subscribed again.
    SubscriptionRegained { waba_id: String },
    /// An override moves the messages of the account to another callback URL; without one, it is removed. No webhook.
    AccountCallbackOverridden {
        waba_id: String,
        callback_url: Option<String>,
    },
    /// The app's own subscription to one webhook field is removed or restored.
    WebhookFieldSubscribed { field: String, is_subscribed: bool },
    /// The token can no longer read the account (100/33), or can again.
    AccountVisibleChanged { waba_id: String, is_visible: bool },
    /// The token will expire after `in_seconds`.
    TokenExpiring { in_seconds: i64 },
    /// The token has expired: error 190 from now on.
    TokenExpired,
    /// The token is valid again, for `in_seconds` or without an end.
    TokenRenewed { in_seconds: Option<i64> },
    /// A scope is removed or granted.
    TokenScopeGranted { scope: String, is_granted: bool },
    /// Calls for the account are refused with `code` (80008, 80007 or 4).
    RateLimited {
        waba_id: String,
        code: u32,
        regain_minutes: u32,
    },
    /// Calls for the account get responses again.
    RateLimitLifted { waba_id: String },
    /// No node type has the field any more.
    FieldRetired { field: String },
    /// The field is back.
    FieldRestored { field: String },
    /// An arbitrary webhook without a change of the world, for webhooks that affect no state and for invented ones.
    WebhookOnly {
        entry_id: String,
        field: String,
        value: Value,
    },
}
