//! The result of a listing.

use super::Failure;
use crate::domain::Listing;

/// The objects of a listing, and the failure if it is incomplete.
#[derive(Debug)]
pub struct Listed<T> {
    /// The objects read; complete if the last page was reached.
    pub listing: Listing<T>,
    /// Why the listing is incomplete. `None` if it is complete.
    pub failure: Option<Failure>,
}
