//! Webhook fields: the bounded list of label values for counting webhook changes.

use super::word::meta_words;

meta_words! {
    /// `changes[].field` of a webhook: the list of v26, and additional fields that Meta sends.
    WebhookField {
        AccountAlerts = "account_alerts",
        AccountReviewUpdate = "account_review_update",
        AccountSettingsUpdate = "account_settings_update",
        AccountUpdate = "account_update",
        AutomaticEvents = "automatic_events",
        BusinessCapabilityUpdate = "business_capability_update",
        BusinessStatusUpdate = "business_status_update",
        BusinessUsernameUpdates = "business_username_updates",
        Calls = "calls",
        CampaignStatusUpdate = "campaign_status_update",
        ConsumerProfile = "consumer_profile",
        Flows = "flows",
        GroupLifecycleUpdate = "group_lifecycle_update",
        GroupParticipantsUpdate = "group_participants_update",
        GroupSettingsUpdate = "group_settings_update",
        GroupStatusUpdate = "group_status_update",
        History = "history",
        MessageEchoes = "message_echoes",
        MessageTemplateComponentsUpdate = "message_template_components_update",
        MessageTemplateQualityUpdate = "message_template_quality_update",
        MessageTemplateStatusUpdate = "message_template_status_update",
        Messages = "messages",
        MessagingHandovers = "messaging_handovers",
        PartnerSolutions = "partner_solutions",
        PaymentConfigurationUpdate = "payment_configuration_update",
        PhoneNumberNameUpdate = "phone_number_name_update",
        PhoneNumberQualityUpdate = "phone_number_quality_update",
        Security = "security",
        SmbAppStateSync = "smb_app_state_sync",
        SmbMessageEchoes = "smb_message_echoes",
        Standby = "standby",
        TemplateCategoryUpdate = "template_category_update",
        TemplateCorrectCategoryDetection = "template_correct_category_detection",
        TrackingEvents = "tracking_events",
        UserIdUpdate = "user_id_update",
        UserPreferences = "user_preferences",
        WebAppDataSync = "web_app_data_sync",
        WebMessageEchoes = "web_message_echoes",
    }
}

impl WebhookField {
    /// The fields that update the state. Without a subscription to one of them, its changes are seen only by polls, or
    /// never.
    pub const WATCHED: &[Self] = &[
        Self::AccountAlerts,
        Self::AccountReviewUpdate,
        Self::AccountUpdate,
        Self::BusinessCapabilityUpdate,
        Self::Flows,
        Self::GroupStatusUpdate,
        Self::MessageTemplateQualityUpdate,
        Self::MessageTemplateStatusUpdate,
        Self::PhoneNumberNameUpdate,
        Self::PhoneNumberQualityUpdate,
        Self::Security,
        Self::TemplateCategoryUpdate,
        Self::TemplateCorrectCategoryDetection,
        Self::UserPreferences,
    ];
}
