//! The rows of templates: one for each page of an account.

use sqlx::postgres::PgConnection;

use crate::store::engine::{SavedTemplatePage, TemplatePageRow};

/// Adds, replaces or deletes these rows.
pub(super) async fn write_template_pages(
    connection: &mut PgConnection,
    rows: &[TemplatePageRow],
) -> sqlx::Result<()> {
    let (kept, gone): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.page.is_some());
    if !kept.is_empty() {
        let (waba_ids, first_ids) = keys_of(&kept);
        let pages: Vec<&SavedTemplatePage> =
            kept.iter().filter_map(|row| row.page.as_ref()).collect();
        let template_ids: Vec<&str> = pages.iter().map(|page| &*page.template_ids).collect();
        let states: Vec<&[u8]> = pages.iter().map(|page| &page.state[..]).collect();
        let upsert = "INSERT INTO template_pages (waba_id, first_id, template_ids, state) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) \
             ON CONFLICT (waba_id, first_id) \
             DO UPDATE SET template_ids = excluded.template_ids, state = excluded.state";
        let upsert = sqlx::query(upsert).bind(waba_ids).bind(first_ids);
        let upsert = upsert.bind(template_ids).bind(states);
        upsert.execute(&mut *connection).await?;
    }
    if !gone.is_empty() {
        let (waba_ids, first_ids) = keys_of(&gone);
        let delete = "DELETE FROM template_pages USING unnest($1::text[], $2::text[]) AS gone (waba_id, first_id) \
             WHERE template_pages.waba_id = gone.waba_id AND template_pages.first_id = gone.first_id";
        let delete = sqlx::query(delete).bind(waba_ids).bind(first_ids);
        delete.execute(connection).await?;
    }
    Ok(())
}

fn keys_of<'a>(rows: &[&'a TemplatePageRow]) -> (Vec<&'a str>, Vec<&'a str>) {
    rows.iter()
        .map(|row| (row.waba_id.as_str(), row.first_id.as_str()))
        .unzip()
}
