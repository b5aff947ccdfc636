//! The settings of one receiver, and the words that they take.

use super::NotifyFormat;
use crate::config::setting::Setting;
use crate::domain::Severity;

pub(super) const NAME: Setting = Setting::new(
    "notify.webhooks[].name",
    "Name of the receiver, a label of its metrics; the default is the host of its URL",
);

pub(super) const ADDRESS: Setting = Setting::new(
    "notify.webhooks[].url",
    "URL to which each change is posted; http or https, without credentials",
);

pub(super) const ADDRESS_FILE: Setting = Setting::new(
    "notify.webhooks[].url_file",
    "File that holds the URL, if the URL is a secret as Slack's are",
);

pub(super) const FORMAT: Setting = Setting::new(
    "notify.webhooks[].format",
    "Format of the body: `cloudevents` (CloudEvents 1.0 in JSON) or `slack` (text for an incoming webhook)",
)
.default("cloudevents");

pub(super) const SECRET: Setting = Setting::new(
    "notify.webhooks[].secret",
    "Secret with which each body is signed in the header X-Hub-Signature-256, as Meta signs webhooks",
);

pub(super) const SECRET_FILE: Setting = Setting::new(
    "notify.webhooks[].secret_file",
    "File that holds the secret",
);

pub(super) const SEVERITY: Setting = Setting::new(
    "notify.webhooks[].severity",
    "Least severity of the changes to post: info, warning or critical; the end of a state counts like the state",
)
.default("info");

pub(super) const KINDS: Setting = Setting::new(
    "notify.webhooks[].kinds",
    "Kinds of entities whose changes are posted: account, phone_number, template; the default is all",
);

pub(super) const WABA_IDS: Setting = Setting::new(
    "notify.webhooks[].waba_ids",
    "Ids of the WhatsApp Business Accounts whose changes are posted; the default is all",
);

pub(super) const DIGEST: Setting = Setting::new(
    "notify.webhooks[].digest",
    "Time for which changes are collected: more than three changes to the same value become one post; without \
     it, each change is posted at once",
);
pub(super) const FORMATS: &[(&str, NotifyFormat)] = &[
    ("cloudevents", NotifyFormat::CloudEvents),
    ("slack", NotifyFormat::Slack),
];

pub(super) const SEVERITIES: &[(&str, Severity)] = &[
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

/// The kinds of entities, as in the history.
pub(super) const ENTITY_KINDS: &[(&str, &str)] = &[
    ("account", "account"),
    ("phone_number", "phone_number"),
    ("template", "template"),
];
