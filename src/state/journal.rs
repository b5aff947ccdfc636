//! The journal: transitions of attributes, with time and source.
//!
//! Meta provides no history, so the journal is the only one. A late webhook can show that a known step was in fact two
//! steps: the step is then deleted, and the two are added.

use std::borrow::Cow;

use jiff::Timestamp as Calendar;

use super::Stamp;
use crate::domain::account::{Ban, Restriction};
use crate::domain::{
    Attribute, MessagingLimit, PhoneNumberId, TemplateId, Word, account, number, template,
};

/// The entity of a transition, within its account.
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
    /// The kinds of entities, as [`Entity::kind`] returns them.
    pub const KINDS: [&'static str; 3] = ["account", "phone_number", "template"];

    /// The kind of entity: one of [`Entity::KINDS`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Number(_) => "phone_number",
            Self::Template(_) => "template",
        }
    }
}

/// The attributes that both sources report, and that can therefore drift, as (kind of entity, name).
pub fn shared_attributes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables: [&[Attribute]; 3] = [
        account::Declarations::ALL,
        number::Declarations::ALL,
        template::Declarations::ALL,
    ];
    let tables = Entity::KINDS.into_iter().zip(tables);
    tables.flat_map(|(entity, attributes)| {
        let shared = attributes.iter().filter(|attribute| attribute.is_shared);
        shared.map(move |attribute| (entity, attribute.name))
    })
}

/// One step of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The entity that changed.
    pub entity: Entity,
    /// Name of the attribute in the table of its entity.
    pub attribute: &'static str,
    /// Stamp of the observation that showed the step.
    pub at: Stamp,
    /// The previous value. `None` for the first known value.
    pub from: Option<Cow<'static, str>>,
    /// The value after.
    pub to: Cow<'static, str>,
}

/// A line to insert or delete. Amendments apply in order, so the last amendment of a step takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// The step happened.
    Learned(Transition),
    /// The step turned out not to have happened.
    Withdrawn(Transition),
}

/// A value of an attribute, as text in the journal.
pub trait JournalValue: Copy {
    /// Meta's own word if there is one.
    fn journal_value(self) -> Cow<'static, str>;
}

impl<W: Word> JournalValue for W {
    fn journal_value(self) -> Cow<'static, str> {
        self.as_str().into()
    }
}

impl JournalValue for bool {
    fn journal_value(self) -> Cow<'static, str> {
        if self { "true" } else { "false" }.into()
    }
}

impl JournalValue for MessagingLimit {
    fn journal_value(self) -> Cow<'static, str> {
        match self {
            Self::Customers(customers) => customers.to_string().into(),
            Self::Unlimited => "UNLIMITED".into(),
        }
    }
}

impl JournalValue for Ban {
    fn journal_value(self) -> Cow<'static, str> {
        self.state.journal_value()
    }
}

/// End of the text of a restriction that is lifted.
pub(super) const LIFTED: &str = " lifted";

impl JournalValue for Restriction {
    fn journal_value(self) -> Cow<'static, str> {
        if self.is_lifted() {
            return format!("{}{LIFTED}", self.kind.as_str()).into();
        }
        let end = self
            .expires_at
            .and_then(|end| Calendar::from_millisecond(end.as_millis()).ok());
        match end {
            Some(end) => format!("{} until {end}", self.kind.as_str()).into(),
            None => self.kind.journal_value(),
        }
    }
}
