//! The stored daily figures, for readers of another process.

use super::engine::StoreError;
use super::rows::to_account;
use super::{HistoryReader, Unreadable};
use crate::domain::WabaId;
use crate::state::{NumberInsights, TemplateInsights};

/// The stored daily figures of one account.
#[derive(Clone, Debug)]
pub struct StoredInsights {
    /// The account.
    pub waba_id: String,
    /// Its currency. `None` if unknown.
    pub currency: Option<String>,
    /// Those of its templates.
    pub templates: Vec<TemplateInsights>,
    /// Those of its phone numbers.
    pub numbers: Vec<NumberInsights>,
}

impl HistoryReader {
    /// The daily figures of all accounts, or of one.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn insights(
        &self,
        waba_id: Option<&WabaId>,
    ) -> Result<Vec<StoredInsights>, Unreadable> {
        let rows = self.journal.insights(waba_id.map(WabaId::as_str)).await?;
        let stored = rows.into_iter().map(|(waba_id, saved)| {
            let account = to_account(&saved)?;
            Ok(StoredInsights {
                waba_id,
                currency: account.currency.value().cloned(),
                templates: account.all_template_insights().cloned().collect(),
                numbers: account.all_number_insights().cloned().collect(),
            })
        });
        Ok(stored.collect::<Result<_, StoreError>>()?)
    }
}
