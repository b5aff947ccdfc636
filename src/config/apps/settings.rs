//! The declarations of an app's settings.

use super::super::secret_kind::SecretKind;
use super::super::setting::Setting;

pub(super) const NAME: Setting = Setting::new(
    "apps[].name",
    "Name of the app in logs and metrics; the default is its app_id, or `default`",
);

pub(super) const APP_ID: Setting =
    Setting::new("apps[].app_id", "Id of the Meta app; optional").variable("WHATSAPP_APP_ID");

pub(super) const ACCOUNTS: Setting = Setting::new(
    "apps[].accounts",
    "Ids of the WhatsApp Business Accounts to watch, at least one unless they are discovered; separated \
     by commas or spaces in the variable",
)
.variable("WHATSAPP_BUSINESS_ACCOUNT_IDS");

pub(super) const DISCOVER_BY_TOKEN: Setting = Setting::new(
    "apps[].discover_by_token",
    "Whether to watch every account that the permissions of the token list",
)
.default("false")
.variable("WHATSAPP_DISCOVER_BY_TOKEN");

pub(super) const BUSINESSES: Setting = Setting::new(
    "apps[].businesses",
    "Ids of business portfolios whose accounts, their own and their clients', are watched; separated by \
     commas or spaces in the variable",
)
.variable("WHATSAPP_BUSINESS_IDS");

pub(super) const INCLUDE: Setting = Setting::new(
    "apps[].include",
    "Regular expression on `id name`: only discovered accounts that match are watched; an account that only the \
     token lists has no name",
);

pub(super) const EXCLUDE: Setting = Setting::new(
    "apps[].exclude",
    "Regular expression on `id name`: discovered accounts that match are not watched",
);

/// The two settings of a secret: its value, and the file that contains it.
pub(super) struct SecretSettings {
    pub(super) kind: SecretKind,
    pub(super) value: Setting,
    pub(super) file: Setting,
    pub(super) need: Need,
}

/// When a secret is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Always,
    /// If webhooks are received.
    ForWebhooks,
    /// Optional, during a rotation.
    Never,
}

pub(super) const ACCESS_TOKEN: SecretSettings = SecretSettings {
    kind: SecretKind::AccessToken,
    value: Setting::new(
        "apps[].access_token",
        "Access token that can read the accounts; required",
    )
    .variable("WHATSAPP_ACCESS_TOKEN"),
    file: Setting::new(
        "apps[].access_token_file",
        "File that holds the access token",
    )
    .variable("WHATSAPP_ACCESS_TOKEN_FILE"),
    need: Need::Always,
};

pub(super) const APP_SECRET: SecretSettings = SecretSettings {
    kind: SecretKind::AppSecret,
    value: Setting::new(
        "apps[].app_secret",
        "App secret, with which Meta signs webhooks; required unless webhook.enabled is false",
    )
    .variable("WHATSAPP_APP_SECRET"),
    file: Setting::new("apps[].app_secret_file", "File that holds the app secret")
        .variable("WHATSAPP_APP_SECRET_FILE"),
    need: Need::ForWebhooks,
};

pub(super) const APP_SECRET_PREVIOUS: SecretSettings = SecretSettings {
    kind: SecretKind::AppSecret,
    value: Setting::new(
        "apps[].app_secret_previous",
        "App secret before a rotation, with which webhooks are still verified; it has no other use",
    )
    .variable("WHATSAPP_APP_SECRET_PREVIOUS"),
    file: Setting::new(
        "apps[].app_secret_previous_file",
        "File that holds the previous secret",
    )
    .variable("WHATSAPP_APP_SECRET_PREVIOUS_FILE"),
    need: Need::Never,
};

pub(super) const VERIFY_TOKEN: SecretSettings = SecretSettings {
    kind: SecretKind::Phrase,
    value: Setting::new(
        "apps[].webhook_verify_token",
        "Verify token, which Meta sends when it verifies the callback URL; required unless \
         webhook.enabled is false",
    )
    .variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN"),
    file: Setting::new(
        "apps[].webhook_verify_token_file",
        "File that holds the verify token",
    )
    .variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE"),
    need: Need::ForWebhooks,
};

/// All settings of an app, in the order of the reference.
pub(super) fn all() -> [Setting; 15] {
    [
        NAME,
        APP_ID,
        ACCESS_TOKEN.value,
        ACCESS_TOKEN.file,
        APP_SECRET.value,
        APP_SECRET.file,
        APP_SECRET_PREVIOUS.value,
        APP_SECRET_PREVIOUS.file,
        VERIFY_TOKEN.value,
        VERIFY_TOKEN.file,
        ACCOUNTS,
        DISCOVER_BY_TOKEN,
        BUSINESSES,
        INCLUDE,
        EXCLUDE,
    ]
}
