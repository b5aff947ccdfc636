//! Checks that the exporter can write to its store.

use super::Finding;
use crate::app::settings;
use crate::config::Config;
use crate::store::Location;
use crate::store::postgres::{PostgresOptions, Role, connect};

const CHECK: &str = "store";

pub(super) async fn writable(config: &Config) -> Finding {
    match settings::location(config) {
        Location::Memory => Finding::problem(
            CHECK,
            "in memory: every restart loses all counters and the history",
            "Set store.url to `sqlite:` and a path on a persistent disk.",
        ),
        Location::Server(options) => reachable(&options).await,
        location @ Location::File(_) => match location.writable() {
            Ok(()) => Finding::fine(CHECK, format!("{} is writable", config.store.url)),
            Err((path, error)) => Finding::problem(
                CHECK,
                format!("cannot write to {}: {error}", path.display()),
                "Give the exporter's user write permission, or set store.url to another path.",
            ),
        },
    }
}

/// Whether a PostgreSQL server accepts writes. Nothing is written.
async fn reachable(options: &PostgresOptions) -> Finding {
    match connect(options, Role::Reader).await {
        Ok(connected) => {
            let (major, host) = (connected.version / 10_000, connected.host);
            let text = format!("PostgreSQL {major} at {host} accepts writes");
            Finding::fine(CHECK, text)
        }
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            "Set store.url to a server that runs and accepts this user.",
        ),
    }
}
