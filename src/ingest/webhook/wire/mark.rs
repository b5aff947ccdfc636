//! Reads the steps of journeys from webhooks: `biz_opaque_callback_data` in statuses, and what a customer's message
//! replies to.
//!
//! Of the texts, only declared names are kept: callback data may contain anything, and the payload of a button is its
//! title if the business set none. What a customer typed is not read at all.

use crate::domain::MessageKey;
use crate::domain::campaign::{CallbackData, Campaigns};
use crate::domain::journey::{FIRST_VERSION, Journeys};
use crate::domain::mark::{EntryPoint, IgnoredMark, JourneyMark, Mark, MessageContext};
use crate::domain::track::Trackers;
use crate::ingest::{MetaObject, ParseWarnings, text_or_number};

/// The keys of callback data that mark a message.
#[derive(Default)]
struct Keys {
    journey: Option<String>,
    version: Option<String>,
    step: Option<String>,
    variant: Option<String>,
    goal: Option<String>,
    campaign: Option<String>,
}

impl Keys {
    /// Reads form data. Other keys are the sender's own; of a repeated key, the first one counts.
    fn read(text: &str) -> Self {
        let mut keys = Self::default();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            let slot = match &*key {
                "journey" => &mut keys.journey,
                "version" => &mut keys.version,
                "step" => &mut keys.step,
                "variant" => &mut keys.variant,
                "goal" => &mut keys.goal,
                "campaign" => &mut keys.campaign,
                _ => continue,
            };
            if !value.is_empty() {
                slot.get_or_insert_with(|| value.into_owned());
            }
        }
        keys
    }

    fn is_goal(&self) -> bool {
        self.goal.as_deref() == Some("1")
    }

    /// The place in a journey. `None` without a journey; an error without a step or a goal in it.
    fn place(
        &self,
        journeys: &Journeys,
        message: impl FnOnce() -> Option<MessageKey>,
    ) -> Result<Option<JourneyMark>, IgnoredMark> {
        let is_complete = self.step.is_some() || self.is_goal();
        let Some(journey) = &self.journey else {
            let is_half = is_complete || self.variant.is_some();
            return if is_half {
                Err(IgnoredMark::Incomplete)
            } else {
                Ok(None)
            };
        };
        if !is_complete {
            return Err(IgnoredMark::Incomplete);
        }
        let id = journeys.id(journey, self.version.as_deref().unwrap_or(FIRST_VERSION));
        let step = self.step.as_ref();
        let variant = self.variant.as_ref();
        Ok(Some(JourneyMark {
            step: step.map(|step| journeys.step(&id, step)),
            variant: variant.map(|variant| journeys.variant(&id, variant)),
            is_goal: self.is_goal(),
            message: message(),
            id,
        }))
    }
}

/// The mark of a status's message. `None` if the sender set no callback data.
pub(super) fn from_status(
    status: &MetaObject<'_>,
    declared: &Trackers,
    message: impl FnOnce() -> Option<MessageKey>,
) -> Option<Mark> {
    let text = text_or_number(status.get("biz_opaque_callback_data")?)?;
    if text.is_empty() {
        return None;
    }
    let ignored = |why| Mark {
        ignored: Some(why),
        ..Mark::default()
    };
    let Some(data) = CallbackData::new(&text) else {
        return Some(ignored(IgnoredMark::TooLong));
    };
    // A declared value may look like form data.
    if let Some(name) = declared.campaigns.name_of(&data) {
        return Some(Mark {
            campaign: Some(name.to_owned()),
            ..Mark::default()
        });
    }
    let keys = Keys::read(&text);
    let campaign = keys.campaign.as_deref();
    let campaign = campaign.map(|campaign| campaign_of(campaign, &declared.campaigns));
    let place = keys.place(&declared.journeys, message);
    let why = match (&campaign, &place) {
        (Some(None), _) => Some(IgnoredMark::Undeclared),
        (_, Err(why)) => Some(*why),
        (None, Ok(None)) => Some(IgnoredMark::NoKnownKey),
        _ => None,
    };
    Some(Mark {
        campaign: campaign.flatten(),
        journey: place.ok().flatten(),
        ignored: why,
    })
}

/// The declared campaign with this value or name.
fn campaign_of(campaign: &str, declared: &Campaigns) -> Option<String> {
    let data = CallbackData::new(campaign)?;
    let name = declared.name_of(&data);
    name.or_else(|| declared.known_name(campaign))
        .map(str::to_owned)
}

/// The context of a customer's message: what it replies to, and where the customer came from.
pub(super) fn from_message(
    message: &MetaObject<'_>,
    journeys: &Journeys,
    key_of: impl FnOnce(&str) -> MessageKey,
    warnings: &mut ParseWarnings,
) -> MessageContext {
    let entry_point = entry_point(message, warnings);
    if journeys.0.is_empty() {
        return MessageContext {
            entry_point,
            ..MessageContext::default()
        };
    }
    let context = message.object("context", "context", warnings);
    let replies_to = context.and_then(|context| context.text("id", warnings));
    let chosen = chosen(message, warnings);
    MessageContext {
        replies_to: replies_to.map(|id| key_of(&id)),
        choice: chosen.map(|id| journeys.choice(&id)),
        entry_point,
    }
}

/// The id of the reply that the customer chose from those that the business offered.
fn chosen(message: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<String> {
    if let Some(button) = message.object("button", "button", warnings) {
        return button.text("payload", warnings);
    }
    let interactive = message.object("interactive", "interactive", warnings)?;
    for (kind, key) in [
        ("button_reply", "id"),
        ("list_reply", "id"),
        ("nfm_reply", "name"),
    ] {
        if let Some(reply) = interactive.object(kind, "reply", warnings) {
            return reply.text(key, warnings);
        }
    }
    None
}

/// Where the customer came from.
fn entry_point(message: &MetaObject<'_>, warnings: &mut ParseWarnings) -> EntryPoint {
    let referral = message.object("referral", "referral", warnings);
    let source = referral.and_then(|referral| referral.word("source_type", warnings));
    source.unwrap_or(EntryPoint::None)
}
