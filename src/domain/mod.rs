//! The domain: ids, Meta's enums, timestamps, and the facts that events contain.
//!
//! Invariant: plain values only, without serde, I/O or clocks. A fact does not depend on its origin, apart from its
//! [`Source`], or on how it is shown.

pub mod access;
pub mod account;
mod assignment;
pub mod attribute;
mod business_hours;
mod callback;
pub mod campaign;
pub mod ceiling;
mod choice;
mod collector;
mod customer_ids;
mod error_code;
mod event;
pub mod experiment;
mod health;
mod ids;
pub mod insights;
pub mod journey;
mod key;
mod lane;
pub mod level;
mod limit;
pub mod mark;
pub mod message;
pub mod number;
mod numbering;
mod postgres_url;
mod quality;
mod receipt;
pub mod send_gate;
mod shard;
mod spent_calls;
pub mod template;
mod time;
pub mod time_zone;
pub mod track;
mod webhook;
mod word;

pub use assignment::{AccountSource, AccountsOfApp, AppAccounts, Assigned, Assignments};
pub use attribute::{Attribute, AttributeKind};
pub use business_hours::{BusinessHours, Misread};
pub use callback::{
    CallbackOverride, CallbackUrl, WebhookConfiguration, messages_callback, messages_override,
};
pub use ceiling::ObjectKind;
pub use choice::{StateSets, TemplateDetail};
pub use collector::Collector;
pub use customer_ids::{CustomerIds, RecipientIds};
pub use error_code::{ErrorCode, KNOWN_ERROR_CODES, KnownErrorCode, MAX_ERROR_CODES};
pub use event::{Event, Fact, Listing, Source};
pub use health::{
    CanSendMessage, EntityHealth, Health, HealthDetails, HealthEntity, HealthError, HealthRemark,
    MAX_EXPLANATIONS, PAYMENT_MISSING, PORTFOLIO_UNVERIFIED, SendingCause,
};
pub use ids::{AppId, BusinessId, DisplayDigits, FlowId, PhoneNumberId, TemplateId, WabaId};
pub use key::{ConversationKey, DeliveryKey, MessageKey, RecipientKey};
pub use lane::{LaneKind, LaneSet, Lanes, MAX_LANES};
pub use level::{Level, Severity};
pub use limit::MessagingLimit;
pub use numbering::Equivalence;
pub use postgres_url::{POSTGRES_PORT, PostgresHost, PostgresPassword, PostgresUrl, SslMode};
pub use quality::QualityRating;
pub use receipt::Receipt;
pub use shard::{Shard, Sharding};
pub use spent_calls::SpentCalls;
pub use time::{MAX_CLOCK_DIFFERENCE, Timestamp};
pub use webhook::WebhookField;
pub use word::Word;
pub(crate) use word::meta_words;
