//! Moves what older versions have stored to the present form. Each group is moved in one transaction, so that a start
//! that is interrupted continues where it ended.

use super::engine::{StoreError, TemplatePageRow};
use super::json::parse;
use super::rows;
use super::sqlite::Database;
use super::template_rows::to_saved;
use crate::domain::WabaId;
use crate::state::{Account, OlderTemplate, Template, Templates};

/// Moves everything that older versions have stored in another form.
pub async fn move_older(database: &mut Database) -> Result<(), StoreError> {
    move_templates(database).await?;
    move_accounts(database).await
}

/// Moves the templates that older versions stored without pages.
async fn move_templates(database: &mut Database) -> Result<(), StoreError> {
    let mut moved = 0;
    while let Some(older) = database.older_templates().await? {
        let mut pages = Vec::new();
        let waba_ids: Vec<String> = older.keys().cloned().collect();
        let saved = database.load(&waba_ids).await?;
        for (waba_id, states) in &older {
            // A page that refers to the newest listing stays as it is at the next one.
            let account = saved.get(waba_id).map(rows::to_account).transpose()?;
            let listed = account.and_then(|account| account.newest_template_listing());
            let templates: Result<Vec<Template>, _> = states
                .iter()
                .map(|state| parse::<OlderTemplate>("a template", state).map(Template::from))
                .collect();
            let templates = Templates::from_unsorted(templates?);
            pages.extend(
                templates
                    .pages()
                    .iter()
                    .map(|(first_id, page)| TemplatePageRow {
                        waba_id: waba_id.clone(),
                        first_id: first_id.to_string(),
                        page: Some(to_saved(page, listed)),
                    }),
            );
        }
        moved += older.len();
        database
            .replace_older_templates(older.keys(), &pages)
            .await?;
    }
    if moved > 0 {
        tracing::info!(
            accounts = moved,
            "templates moved to the new form of the store"
        );
    }
    Ok(())
}

/// Rewrites the accounts that older versions stored with the times of their polls.
async fn move_accounts(database: &mut Database) -> Result<(), StoreError> {
    let mut moved = 0;
    loop {
        let waba_ids = database.older_accounts().await?;
        if waba_ids.is_empty() {
            break;
        }
        moved += waba_ids.len();
        let mut accounts = Vec::new();
        for (waba_id, saved) in database.load(&waba_ids).await? {
            let account = rows::to_account(&saved)?;
            let unknown = StoreError::unreadable("the id of an account is damaged");
            let waba_id = WabaId::parse(&waba_id).ok_or(unknown)?;
            accounts.push(rows::for_account(&waba_id, &Account::default(), &account));
        }
        database.replace_older_accounts(&accounts).await?;
    }
    if moved > 0 {
        tracing::info!(
            accounts = moved,
            "times of polls moved to the new form of the store"
        );
    }
    Ok(())
}
