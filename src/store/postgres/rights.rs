//! What a role may do with tables that exist. They may belong to another role.

use sqlx::postgres::PgConnection;

/// The table in which sqlx notes the migrations. It is only read once the tables are up to date.
pub(super) const APPLIED: &str = "_sqlx_migrations";

/// Statements that grant what the role lacks to use the tables of the schema. Their owner may run them.
pub(super) async fn missing_grants(
    connection: &mut PgConnection,
    schema: &str,
) -> sqlx::Result<Vec<String>> {
    // A role that may insert into a table may use the sequences of its identity columns.
    let query = "SELECT quote_ident(current_user), \
         coalesce(bool_or(relkind = 'r' AND NOT (has_table_privilege(c.oid, 'SELECT') \
           AND (relname = $2 OR has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') \
           AND has_table_privilege(c.oid, 'DELETE')))), false), \
         coalesce(bool_or(CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END), false) \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace \
         WHERE nspname = $1 AND relkind IN ('r', 'S') \
         AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'i')";
    let (user, lacks_tables, lacks_sequences): (String, bool, bool) = sqlx::query_as(query)
        .bind(schema)
        .bind(APPLIED)
        .persistent(false)
        .fetch_one(connection)
        .await?;
    let missing = [
        (lacks_tables, "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"),
        (lacks_sequences, "USAGE ON ALL SEQUENCES"),
    ];
    let missing = missing.into_iter().filter(|(lacks, _)| *lacks);
    let missing = missing.map(|(_, what)| format!("GRANT {what} IN SCHEMA {schema} TO {user}"));
    Ok(missing.collect())
}
