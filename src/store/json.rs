//! The JSON that rows contain.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::StoreError;

/// The JSON of a state.
pub fn json(state: &impl Serialize) -> String {
    serde_json::to_string(state).expect("plain data with text for keys")
}

/// The state of this JSON; `what` names it in the error.
pub fn parse<T: DeserializeOwned>(what: &str, state: &str) -> Result<T, StoreError> {
    serde_json::from_str(state)
        .map_err(|error| StoreError::unreadable(format!("{what} is damaged: {error}")))
}
