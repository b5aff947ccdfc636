//! PostgreSQL as the store: connections, rights and tables, with real servers.

mod connections;
mod copy_refused;
mod copying;
mod customer_key;
mod decisions;
mod examined;
mod fleet_totals;
mod joining;
mod program;
mod queries;
mod queues;
mod replicas;
mod tables;
mod tls;

use whatsapp_business_exporter::config::{FixedEnvironment, Flags, StoreConfig, StoreUrl};
use whatsapp_business_exporter::store::postgres::PostgresOptions;

/// The options of a store with this URL, as the configuration reads it.
pub fn options(url: &str) -> PostgresOptions {
    let flags = Flags::default().with("--store.url", Some(url.to_owned()));
    let store = StoreConfig::load(&flags, &FixedEnvironment::default()).expect("a good URL");
    let StoreUrl::Server(url) = store.url else {
        panic!("not a server")
    };
    PostgresOptions {
        url: *url,
        password_file: None,
        schema: store.schema,
        max_connections: store.max_connections,
    }
}
