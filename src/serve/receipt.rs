//! The time of a receipt.

use crate::clock;
use crate::domain::Receipt;

/// A receipt now.
pub(super) fn now() -> Receipt {
    Receipt {
        at: clock::now(),
        at_least: clock::at_least(),
    }
}
