//! A webhook about a number that no poll has shown yet.

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::redate::dated;
use super::saved::SavedTold;
use crate::domain::number::Told;

/// What was told, kept until a listing says which number has these digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// What was told.
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
