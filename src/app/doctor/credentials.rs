//! Explains why Meta rejected a call because of an app's token or secret.

use super::Finding;
use crate::ingest::graph::{Failure, FailureKind};

pub(super) const TOKEN: &str = "token";
pub(super) const SECRET: &str = "app_secret";

pub(super) const RENEW: &str =
    "Create a system user token in Business Settings, which does not expire. Then reload.";

/// The finding about a call that Meta rejected because of its token or secret.
pub(super) fn refused(failure: &Failure) -> Finding {
    if failure.lacks_proof() {
        return Finding::problem(
            SECRET,
            "is not configured, and Meta requires it for every call of this app",
            "Set the app secret (WHATSAPP_APP_SECRET), or switch off \"Require app secret\" in the App Dashboard, Settings, Advanced.",
        );
    }
    if failure.kind() == FailureKind::AppSecret {
        return Finding::problem(
            SECRET,
            "belongs to another app than the access token: Meta rejects it",
            "Copy it from the App Dashboard of the token's app, Settings, Basic; check that app_id is of the same app.",
        );
    }
    Finding::problem(TOKEN, "Meta rejects it", RENEW)
}
