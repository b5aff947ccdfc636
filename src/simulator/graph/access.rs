//! Authorizes calls: the token, its scopes, and `appsecret_proof`.

use super::call::Call;
use super::error::GraphError;
use crate::simulator::signature;
use crate::simulator::world::World;

/// The subcode of an expired token.
const EXPIRED: u32 = 463;
/// The subcode of a token that was revoked or replaced.
const INVALIDATED: u32 = 460;

/// Checks a call's token.
///
/// # Errors
/// 190 for a missing, unknown or expired token, 104 for a missing or wrong proof.
pub fn check_token(world: &World, call: &Call, now: i64) -> Result<(), GraphError> {
    let Some(token) = call.token.as_deref().filter(|token| !token.is_empty()) else {
        return Err(GraphError::bad_token(
            "An access token is required to request this resource.",
            None,
        ));
    };
    if token == world.app.app_token() {
        return Ok(());
    }
    let known = &world.app.token;
    if token != known.text {
        return Err(GraphError::bad_token(
            "Invalid OAuth access token - Cannot parse access token",
            None,
        ));
    }
    if known.expires_at != 0 && now >= known.expires_at {
        return Err(GraphError::bad_token(
            "Error validating access token: Session has expired.",
            Some(EXPIRED),
        ));
    }
    if !known.is_valid {
        return Err(GraphError::bad_token(
            "Error validating access token: The session has been invalidated.",
            Some(INVALIDATED),
        ));
    }
    check_proof(world, call, token)
}

/// Checks that the token has a scope.
///
/// # Errors
/// 200 if the scope is missing.
pub fn check_scope(world: &World, scope: &str) -> Result<(), GraphError> {
    if world.app.token.scopes.contains(scope) {
        Ok(())
    } else {
        Err(GraphError::missing_scope(scope))
    }
}

/// Checks the proof. If one is sent, it must be correct even if none is required.
fn check_proof(world: &World, call: &Call, token: &str) -> Result<(), GraphError> {
    match call.parameter("appsecret_proof") {
        None if world.app.requires_appsecret_proof => Err(GraphError::bad_proof(
            "API calls from the server require an appsecret_proof argument",
        )),
        Some(proof) if proof != signature::hex_hmac(&world.app.secret, token.as_bytes()) => Err(
            GraphError::bad_proof("Invalid appsecret_proof provided in the API argument"),
        ),
        _ => Ok(()),
    }
}
