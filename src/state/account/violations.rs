//! The last violation or warning of each type, with Meta's text on what to do.

use serde::{Deserialize, Serialize};

use super::super::redate::{Dated, Redating, dated};
use super::super::saved::Saved;
use crate::domain::account::{Violation, ViolationType};
use crate::domain::{DisplayDigits, Timestamp};

/// The last violation or warning of one type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastViolation {
    /// When Meta sent it.
    pub at: Timestamp,
    /// `violation_type`.
    #[serde(with = "Saved")]
    pub kind: ViolationType,
    /// `phone_number`. `None` if the violation is about the whole account.
    pub digits: Option<DisplayDigits>,
    /// `remediation`.
    pub remediation: Option<String>,
}

/// The last violation or warning of each type, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastViolations(Vec<LastViolation>);

dated! { LastViolation: at }

impl Dated for LastViolations {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
        self.0.sort_unstable();
    }
}

impl LastViolations {
    /// Keeps the newest of each type, regardless of arrival order.
    pub(super) fn observe(
        &mut self,
        violation: &Violation,
        digits: Option<&DisplayDigits>,
        at: Timestamp,
    ) {
        let new = LastViolation {
            at,
            kind: violation.kind,
            digits: digits.cloned(),
            remediation: violation.remediation.clone(),
        };
        match self.0.iter_mut().find(|known| known.kind == new.kind) {
            Some(known) if new > *known => *known = new,
            Some(_) => {}
            None => self.0.push(new),
        }
        self.0.sort_unstable();
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LastViolation> {
        self.0.iter()
    }
}
