//! Reasons for refusals that several routes share, as label values.

/// The body is over the limit.
pub(super) const TOO_LARGE: &str = "too_large";
/// The client closed the connection before the end of the body.
pub(super) const BROKEN_OFF: &str = "broken_off";
/// The body arrived too slowly.
pub(super) const TOO_SLOW: &str = "too_slow";
/// The store cannot commit.
pub(super) const NOT_STORED: &str = "not_stored";
/// The request went to the operator's port, which does not serve the public routes.
pub(super) const WRONG_PORT: &str = "wrong_port";
