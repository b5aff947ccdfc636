//! Severity of a state in the JSON. On the page it determines order and colour; the text always names the state too.

use serde::{Serialize, Serializer};

pub(super) use crate::domain::level::{Level, is_out_of_service, was_in_service};

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
