//! Discovers accounts by the token's permissions or by business portfolios.

use serde_json::Value;

use super::transport::Caller;
use super::{Calls, Client, Endpoint, Failure};
use crate::domain::{BusinessId, WabaId, Word};
use crate::ingest::{MetaObject, ParseWarnings};

/// A discovered account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundAccount {
    /// Id of the account.
    pub waba_id: WabaId,
    /// Name of the account. Empty if it was discovered through the token.
    pub name: String,
}

impl Client {
    /// The accounts in the token's management permission. `None` if Meta rejects the token, or if the permission
    /// applies to all accounts and so lists none.
    ///
    /// # Errors
    /// If there was no response.
    pub async fn accounts_of_token(
        &self,
        calls: &dyn Calls,
    ) -> Result<Option<Vec<FoundAccount>>, Failure> {
        let token = self.read_token(calls).await?;
        let accounts = token.accounts.filter(|_| token.is_valid);
        let named = |waba_id| FoundAccount {
            waba_id,
            name: String::new(),
        };
        Ok(accounts.map(|accounts| accounts.into_iter().map(named).collect()))
    }

    /// The accounts of a portfolio: its own, and those that clients share with it.
    ///
    /// # Errors
    /// If not all accounts could be read.
    pub async fn accounts_of_business(
        &self,
        business: &BusinessId,
        calls: &dyn Calls,
    ) -> Result<Vec<FoundAccount>, Failure> {
        let caller = Caller::for_app(calls);
        let mut found = Vec::new();
        for edge in [Endpoint::OwnedAccounts, Endpoint::ClientAccounts] {
            let path = format!("{business}/{}", edge.as_str());
            let listed = self.list((edge, &path), caller, account, |_| {}).await;
            match listed.failure {
                Some(failure) => return Err(failure),
                None => found.extend(listed.listing.objects),
            }
        }
        Ok(found)
    }
}

fn account(node: &Value, warnings: &mut ParseWarnings) -> Option<FoundAccount> {
    let node = MetaObject::node("business_account", node, warnings)?;
    Some(FoundAccount {
        waba_id: node.parsed("id", WabaId::parse, warnings)?,
        name: node.text("name", warnings).unwrap_or_default(),
    })
}
