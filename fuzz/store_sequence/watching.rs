//! Accounts without data, which are not stored and count anew after a restart.

use whatsapp_business_exporter::domain::WabaId;
use whatsapp_business_exporter::state::{Account, Accounts, State};

/// Whether the account has no data but the time since which it counts.
pub(super) fn is_empty(account: &Account) -> bool {
    *account == Account::default().with_counted_since(account.counted_since())
}

/// Watches the accounts of a store. Those without data are not stored: they count since the store began to watch them.
pub(super) fn watch_as(shown: &Accounts, state: &mut State) {
    let (empty, with_data): (Vec<_>, Vec<_>) =
        shown.iter().partition(|(_, account)| is_empty(account));
    state.watch(with_data.into_iter().map(|(waba_id, _)| waba_id.clone()));
    for (waba_id, account) in empty {
        let known: Vec<WabaId> = state.accounts().keys().cloned().collect();
        let all = known.into_iter().chain([waba_id.clone()]);
        state.watch_since(all, account.counted_since());
    }
}
