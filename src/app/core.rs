//! State that all running parts share.

use std::sync::{Arc, Mutex};

use crate::ingest::poll::{AccessRegistry, Budgets};
use crate::serve::drill::Drill;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// State that all running parts share.
#[derive(Clone)]
pub(super) struct Core {
    pub store: Arc<Store>,
    pub drill: Arc<Drill>,
    pub telemetry: Arc<Telemetry>,
    pub budgets: Arc<Mutex<Budgets>>,
    pub access: Arc<AccessRegistry>,
}
