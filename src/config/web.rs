//! `web`: the operator's listener.

use super::listen_address::ListenAddress;
use super::setting::{Scalar, Setting};
use super::walker::Walker;

const LISTEN_ADDRESS: Scalar<ListenAddress> = Scalar {
    setting: Setting::new(
        "web.listen_address",
        "Where the operator's pages and /metrics are served; :port is every interface",
    )
    .flag("--web.listen-address")
    .default(":10131"),
    parse: ListenAddress::parse,
};

/// The operator's listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// `web.listen_address`, `--web.listen-address`; default `:10131`.
    pub listen_address: ListenAddress,
}

impl WebConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            listen_address: walker.scalar(&LISTEN_ADDRESS),
        }
    }
}
