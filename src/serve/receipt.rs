//! The time of a receipt.

use crate::clock;
use crate::domain::{Receipt, Timestamp};

/// A receipt now. While nothing but the machine's clock is known, nothing has certainly passed.
pub(super) fn now() -> Receipt {
    Receipt {
        at: clock::now(),
        at_least: clock::at_least().unwrap_or(Timestamp::from_millis(i64::MIN)),
    }
}
