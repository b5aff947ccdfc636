//! The only HTTP client for Meta: responses of the Graph API as snapshots, failures by kind, and usage figures.
//!
//! Invariant: the token and its proof appear only in requests, never in an error or a log. Every call is first
//! permitted by [`Calls`]. Nothing here removes objects from the state; the reducer does.

mod access;
mod answer;
mod client;
mod credentials;
mod date;
mod discovery;
mod dropped;
mod endpoint;
mod failure;
mod fields;
mod greeting;
mod http_client;
mod insights;
mod lifetime;
mod listed;
mod listing;
mod network;
mod node;
mod options;
mod subscribe;
mod transport;
mod usage;
mod version;
pub mod wire;

#[cfg(test)]
pub(crate) mod tests;

pub use access::is_callback;
pub use client::Client;
pub use discovery::FoundAccount;
pub use endpoint::Endpoint;
pub use failure::{Failure, FailureKind};
pub use greeting::Greeting;
pub use http_client::{direct_client, http_client, own_client};
pub use insights::TEMPLATES_PER_CALL;
pub use lifetime::{Lifetime, lifetime};
pub use listed::Listed;
pub use listing::LARGEST_PAGE;
pub use node::NodeKind;
pub use options::ClientOptions;
pub use usage::{Usage, UsageScope};
pub use wire::callback_url;

/// The call budget: checked before every call, and updated with the reported usage after it.
pub trait Calls: Send + Sync {
    /// Takes one call from the budget, if there is one.
    fn may_call(&self) -> bool;

    /// Records the quota usage that Meta reported.
    fn used(&self, usage: &Usage);
}
