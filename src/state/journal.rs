//! The journal: which attribute of what went from which value to which, when, and who said so.
//!
//! Meta gives no history, so these lines are the only one. A late webhook may show that what was taken
//! for one step were two: then the one is withdrawn and the two are learned.

use std::borrow::Cow;

use jiff::Timestamp as Calendar;

use super::{Stamp, account, number, template};
use crate::domain::account::{Ban, Restriction};
use crate::domain::{MessagingLimit, PhoneNumberId, TemplateId, Word};

/// What a transition is about, within its account.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// The account itself.
    #[default]
    Account,
    /// One of its phone numbers.
    Number(PhoneNumberId),
    /// One of its message templates.
    Template(TemplateId),
}

impl Entity {
    /// Every kind of entity, as [`Entity::kind`] names it.
    pub const KINDS: [&'static str; 3] = ["account", "phone_number", "template"];

    /// Its kind in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Number(_) => "phone_number",
            Self::Template(_) => "template",
        }
    }
}

/// An attribute whose changes are journalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in the journal, unique within a kind of entity.
    pub name: &'static str,
    /// Do polls and webhooks both tell of it, so that they can disagree?
    pub(super) is_shared: bool,
}

impl Attribute {
    /// Told by one of the sources only, or by each in its own way.
    pub(super) const fn new(name: &'static str) -> Self {
        let is_shared = false;
        Self { name, is_shared }
    }

    /// Told by polls and webhooks alike.
    pub(super) const fn shared(name: &'static str) -> Self {
        let is_shared = true;
        Self { name, is_shared }
    }
}

/// Every attribute of which both sources tell, as (kind of entity, name): those that can drift.
pub fn shared_attributes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let [of_account, of_number, of_template] = Entity::KINDS;
    let all = [
        (of_account, account::REVIEW_STATUS),
        (of_account, account::MESSAGING_LIMIT),
        (of_number, number::FLAGGED),
        (of_number, number::MESSAGING_LIMIT),
        (of_number, number::THROUGHPUT_LEVEL),
        (of_template, template::STATUS),
        (of_template, template::QUALITY_RATING),
        (of_template, template::CATEGORY),
    ];
    let shared = all.into_iter().filter(|(_, attribute)| attribute.is_shared);
    shared.map(|(entity, attribute)| (entity, attribute.name))
}

/// One step of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Of what.
    pub entity: Entity,
    /// Which attribute.
    pub attribute: &'static str,
    /// The observation that showed it: when, and from which source.
    pub at: Stamp,
    /// The value before; none for the first one ever known.
    pub from: Option<Cow<'static, str>>,
    /// The value after.
    pub to: Cow<'static, str>,
}

/// A line to be written or struck out; in the order they come, the last word on a step wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// This happened.
    Learned(Transition),
    /// This did not happen after all.
    Withdrawn(Transition),
}

/// A value as the journal writes it.
pub trait Spoken: Copy {
    /// Meta's own word where there is one.
    fn spoken(self) -> Cow<'static, str>;
}

impl<W: Word> Spoken for W {
    fn spoken(self) -> Cow<'static, str> {
        self.as_str().into()
    }
}

impl Spoken for bool {
    fn spoken(self) -> Cow<'static, str> {
        if self { "true" } else { "false" }.into()
    }
}

impl Spoken for MessagingLimit {
    fn spoken(self) -> Cow<'static, str> {
        match self {
            Self::Customers(customers) => customers.to_string().into(),
            Self::Unlimited => "UNLIMITED".into(),
        }
    }
}

impl Spoken for Ban {
    fn spoken(self) -> Cow<'static, str> {
        self.state.spoken()
    }
}

impl Spoken for Restriction {
    fn spoken(self) -> Cow<'static, str> {
        let end = self
            .expires_at
            .and_then(|end| Calendar::from_millisecond(end.as_millis()).ok());
        match end {
            Some(end) => format!("{} until {end}", self.kind.as_str()).into(),
            None => self.kind.spoken(),
        }
    }
}
