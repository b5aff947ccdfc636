//! Copies a store to the other engine.

use super::settings;
use crate::config::StoreConfig;
use crate::store::copy::copy;

/// A table that was copied, and is the same in both stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// Its number of rows.
    pub rows: u64,
    /// The checksum of its rows, which is the same in both stores.
    pub checksum: String,
}

/// Copies everything of one store into the other, which must be empty and of the other engine.
///
/// # Errors
/// Why nothing was copied.
pub async fn copy_store(from: &StoreConfig, to: &StoreConfig) -> anyhow::Result<Vec<CopiedTable>> {
    let (from, to) = (settings::location_of(from), settings::location_of(to));
    let copied = copy(&from, &to).await?;
    let tables = copied.into_iter().map(|content| CopiedTable {
        name: content.table,
        rows: content.checksum.rows,
        checksum: content.checksum.to_string(),
    });
    Ok(tables.collect())
}
