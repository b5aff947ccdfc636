//! How a state is coloured, and written in its frame. Colour only helps: the word says it all.

use maud::{Markup, html};

use crate::domain::template::Status as TemplateStatus;
use crate::domain::{CanSendMessage, QualityRating, Word, number};

/// How a state is coloured.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A word of Meta's, in its colour.
pub(super) fn word<W: Word + Into<Tone>>(word: W) -> Markup {
    badge(word.as_str(), word.into())
}

/// A few words in a frame.
pub(super) fn badge(text: &str, tone: Tone) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text) } }
}

impl From<QualityRating> for Tone {
    fn from(rating: QualityRating) -> Self {
        match rating {
            QualityRating::Green => Self::Good,
            QualityRating::Yellow => Self::Warn,
            QualityRating::Red => Self::Bad,
            QualityRating::Unknown | QualityRating::Other => Self::Plain,
        }
    }
}

impl From<number::Status> for Tone {
    fn from(status: number::Status) -> Self {
        use number::Status;
        match status {
            Status::Connected | Status::Linked => Self::Good,
            Status::Flagged | Status::Restricted | Status::RateLimited | Status::Banned => {
                Self::Bad
            }
            Status::Pending | Status::Unverified | Status::Warned | Status::Paused => Self::Warn,
            // Test numbers are always disconnected: by itself that is no trouble.
            _ => Self::Plain,
        }
    }
}

impl From<CanSendMessage> for Tone {
    fn from(can_send: CanSendMessage) -> Self {
        match can_send {
            CanSendMessage::Available => Self::Good,
            CanSendMessage::Limited => Self::Warn,
            CanSendMessage::Blocked => Self::Bad,
            CanSendMessage::Other => Self::Plain,
        }
    }
}

impl From<TemplateStatus> for Tone {
    fn from(status: TemplateStatus) -> Self {
        match status {
            TemplateStatus::Approved => Self::Good,
            TemplateStatus::Rejected | TemplateStatus::Disabled => Self::Bad,
            TemplateStatus::Paused | TemplateStatus::LimitExceeded | TemplateStatus::InAppeal => {
                Self::Warn
            }
            _ => Self::Plain,
        }
    }
}
