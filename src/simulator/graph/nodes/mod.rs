//! The nodes of the graph: one file per entity with its type's name, its known and default fields, and their values.
//! Depends on the world and Meta's field names, but not on HTTP or paging.

mod account;
mod app;
mod business;
mod health;
mod phone_number;
mod template;

use std::borrow::Cow;

use serde_json::Value;

pub(super) use account::subscribed_apps;

use crate::simulator::world::{Account, App, Business, PhoneNumber, Template, World};

/// A node that a call can read.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a response holds one node at a time, and a box would cost an allocation for each"
)]
pub enum ReadableNode<'a> {
    /// A WhatsApp Business Account.
    Account(&'a Account),
    /// A phone number.
    PhoneNumber(&'a PhoneNumber),
    /// A message template.
    Template(Cow<'a, Template>),
    /// A portfolio.
    Business(&'a Business),
    /// The app.
    App(&'a App),
}

impl<'a> ReadableNode<'a> {
    /// The node with this id, of any type, if the token may read it.
    #[must_use]
    pub fn find(world: &'a World, id: &str) -> Option<Self> {
        if world
            .account_of(id)
            .is_some_and(|account| !account.is_visible)
        {
            return None;
        }
        (world.accounts.get(id).map(Self::Account))
            .or_else(|| world.phone_numbers.get(id).map(Self::PhoneNumber))
            .or_else(|| world.find_template(id).map(Self::Template))
            .or_else(|| world.businesses.get(id).map(Self::Business))
            .or_else(|| (world.app.id == id).then_some(Self::App(&world.app)))
    }

    /// The node's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Account(node) => &node.id,
            Self::PhoneNumber(node) => &node.id,
            Self::Template(node) => &node.id,
            Self::Business(node) => &node.id,
            Self::App(node) => &node.id,
        }
    }

    /// Name of the node's type in error messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Account(_) => "WhatsAppBusinessAccount",
            Self::PhoneNumber(_) => "WhatsAppBusinessPhoneNumber",
            Self::Template(_) => "WhatsAppMessageTemplate",
            Self::Business(_) => "Business",
            Self::App(_) => "Application",
        }
    }

    /// Fields of a response to a request without `fields`.
    #[must_use]
    pub fn default_fields(&self) -> &'static [&'static str] {
        match self {
            Self::Account(_) => account::DEFAULT_FIELDS,
            Self::PhoneNumber(_) => phone_number::DEFAULT_FIELDS,
            Self::Template(_) => template::DEFAULT_FIELDS,
            Self::Business(_) | Self::App(_) => &["id", "name"],
        }
    }

    /// The account that the node is or belongs to.
    #[must_use]
    pub fn account<'w>(&self, world: &'w World) -> Option<&'w Account> {
        match self {
            Self::Account(node) => world.accounts.get(&node.id),
            Self::PhoneNumber(node) => world.accounts.get(&node.waba_id),
            Self::Template(node) => world.accounts.get(&node.waba_id),
            Self::Business(_) | Self::App(_) => None,
        }
    }

    /// Whether the type has this field, even if this node has no value for it.
    #[must_use]
    pub fn has_field(&self, field: &str) -> bool {
        match self {
            Self::Account(_) => account::KNOWN_FIELDS,
            Self::PhoneNumber(_) => phone_number::KNOWN_FIELDS,
            Self::Template(_) => template::KNOWN_FIELDS,
            Self::Business(_) => business::KNOWN_FIELDS,
            Self::App(_) => app::KNOWN_FIELDS,
        }
        .contains(&field)
    }

    /// The value of a field; `None` omits it from the response without an error, as Meta does.
    #[must_use]
    pub fn value(&self, world: &World, field: &str) -> Option<Value> {
        match self {
            Self::Account(node) => account::value(world, node, field),
            Self::PhoneNumber(node) => phone_number::value(world, node, field),
            Self::Template(node) => template::value(world, node, field),
            Self::Business(node) => business::value(node, field),
            Self::App(node) => app::value(node, field),
        }
    }

    /// Whether this name inside `fields=` expands an edge.
    #[must_use]
    pub fn expands(&self, world: &World, name: &str) -> bool {
        let is_list_of_apps = matches!(self, Self::Account(_)) && name == account::SUBSCRIBED_APPS;
        is_list_of_apps || self.edge(world, name).is_some()
    }

    /// Ids on one of the node's edges, in their order; `None` if there is no such edge.
    #[must_use]
    pub fn edge<'w>(&'w self, world: &'w World, name: &str) -> Option<Vec<Cow<'w, str>>> {
        match (self, name) {
            (Self::Account(account), "phone_numbers") => {
                let ids = account.phone_number_ids.iter();
                Some(ids.map(|id| id.as_str().into()).collect())
            }
            (Self::Account(account), "message_templates") => Some(account.listed_templates()),
            (Self::Business(business), "owned_whatsapp_business_accounts") => {
                Some(business::accounts(world, |account| {
                    account.business_id == business.id
                }))
            }
            (Self::Business(business), "client_whatsapp_business_accounts") => {
                Some(business::accounts(world, |account| {
                    account.client_of_business_id.as_ref() == Some(&business.id)
                }))
            }
            _ => None,
        }
    }
}
