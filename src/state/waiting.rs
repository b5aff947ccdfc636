//! Webhooks about numbers that no poll has listed yet.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::dated;
use super::saved::SavedTold;
use crate::domain::number::Told;

/// Facts about a number that are kept until a listing shows which number has these digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// The fact.
    #[serde(with = "SavedTold")]
    pub told: Told,
    /// When it was observed.
    pub stamp: Stamp,
}

dated! { Waiting: stamp }

impl Waiting {
    pub fn new(told: &Told, stamp: Stamp) -> Self {
        let told = told.clone();
        Self { told, stamp }
    }
}
