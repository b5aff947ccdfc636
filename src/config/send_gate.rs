//! `gate`: the policy and the token of the send gate.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::environment::Environment;
use super::error::{ConfigErrors, shown_key};
use super::file::File;
use super::flags::Flags;
use super::kind::{Durations, SettingKind};
use super::secret;
use super::secret_kind::SecretKind;
use super::section::settings;
use super::setting::Setting;
use super::token::Token;
use super::value;
use super::walker::Walker;
use super::webhook::WebhookConfig;
use crate::domain::send_gate::{SendEffect, SendPolicy, SendReasonCode};
use crate::suggestion;
use crate::yaml::{Entry, Node};

/// Data is never younger than a poll. Data older than a month decides nothing.
const AGES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);

/// The effects that a policy can set for a reason.
const EFFECTS: [(&str, SendEffect); 3] = [
    ("stop", SendEffect::Stop),
    ("caution", SendEffect::Caution),
    ("ignore", SendEffect::Ignore),
];

const TOKEN_FILE: Setting = Setting::new("gate.token_file", "File that holds gate.token")
    .variable("WHATSAPP_GATE_TOKEN_FILE");

type Effects = BTreeMap<SendReasonCode, SendEffect>;

settings! {
    /// The send gate.
    #[derive(Clone, Debug)]
    SendGateConfig "gate" {
        /// Age above which data is a reason for caution (stale_data).
        max_age: Duration = "1h", Durations(AGES);

        /// Effect of each reason that differs from its default, as keys below it: the reason's code with stop, caution or
        /// ignore.
        policy: Effects, Policies, in_file_only;

        /// Token with which clients use the send gate on the public listener; without it, only the operator's listener
        /// serves it.
        token: Option<SecretString>, Token { file: &TOKEN_FILE }, secret("WHATSAPP_GATE_TOKEN");
    }
}

impl SendGateConfig {
    pub(super) fn read(walker: &mut Walker<'_>, webhook: &WebhookConfig) -> Self {
        let gate = Self::read_rows(walker);
        let is_shared = webhook.enabled && webhook.listen_address.is_none();
        if gate.token.is_some() && is_shared {
            let message = "has no effect, because webhook.listen_address equals web.listen_address: on a shared port, \
                           the send gate needs no token";
            walker.warn("gate.token", message);
        }
        gate
    }

    /// How the send gate decides.
    #[must_use]
    pub fn to_policy(&self) -> SendPolicy {
        SendPolicy {
            max_age: self.max_age,
            effects: self.policy.clone(),
        }
    }
}

/// A map from the codes of reasons to effects.
struct Policies;

impl SettingKind for Policies {
    type Value = Effects;

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Effects {
        let key = setting.key.unwrap_or_default();
        match walker.node(key) {
            None | Some(Node::Empty) => Effects::new(),
            Some(Node::Map(entries)) => entries
                .iter()
                .filter_map(|entry| effect(key, entry, walker))
                .collect(),
            Some(Node::Text(_) | Node::List(_)) => {
                let message = "must contain keys, such as `stale_data: stop`";
                walker.error(key, message);
                Effects::new()
            }
        }
    }

    fn show(&self, value: &Effects) -> String {
        let texts = value
            .iter()
            .map(|(code, effect)| format!("{}={}", code.as_str(), effect.as_str()));
        match texts.collect::<Vec<_>>().as_slice() {
            [] => "none".to_owned(),
            texts => texts.join(", "),
        }
    }
}

fn effect<'a>(
    key: &str,
    entry: &'a Entry,
    walker: &mut Walker<'a>,
) -> Option<(SendReasonCode, SendEffect)> {
    let Some(code) = SendReasonCode::parse(&entry.key) else {
        let codes = SendReasonCode::ALL.iter().copied();
        let codes = codes.filter(|code| code.is_configurable());
        match suggestion::nearest(&entry.key, codes.map(SendReasonCode::as_str)) {
            Some(best) => {
                let message = format!("unknown reason; did you mean `{best}`?");
                walker.error(format!("{key}.{}", shown_key(&entry.key)), message);
            }
            // It may be a secret, so it is not shown.
            None => walker.error(
                key,
                "contains an unknown reason; the documentation of the send gate lists the codes",
            ),
        }
        return None;
    };
    let place = format!("{key}.{}", code.as_str());
    if !code.is_configurable() {
        let message = "cannot be changed, because missing data never allows sending; remove it";
        walker.error(place, message);
        return None;
    }
    let text = walker.node_text(&place, &entry.node)?;
    let effect = value::word(text, &EFFECTS).map_err(|message| walker.error(place, message));
    Some((code, effect.ok()?))
}

/// The token for a client of the send gate: from this file, or else from the variables of `gate.token`.
///
/// # Errors
/// Why the token cannot be used. The error does not contain it.
pub fn gate_token(
    file: Option<&Path>,
    environment: &dyn Environment,
) -> Result<Option<SecretString>, String> {
    if let Some(path) = file {
        let token = secret::from_file(SecretKind::ClientToken, path, environment);
        return token
            .map(Some)
            .map_err(|message| format!("--token-file: {message}"));
    }
    let (flags, file) = (Flags::default(), File::none());
    let mut walker = Walker::new(&flags, &file, environment, ConfigErrors::default());
    let token = SendGateConfig::token().read(&mut walker);
    walker.finish().map_err(|errors| errors.to_string())?;
    Ok(token)
}
