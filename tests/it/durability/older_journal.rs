//! The journal that an older version has saved as text is read without changes.

use std::time::Duration;

use sqlx::Connection;
use whatsapp_business_exporter::store::{HistoryReader, HistoryRow, Location};

use super::older::{connect, write_older};
use crate::support::store::{every_line, opened};

const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The journal of more accounts than one transaction moves: known and unknown words, other texts, ids that are
/// no integers of 64 bits, and a few lines of the same time.
const JOURNAL: &str = "
    INSERT INTO transitions
        WITH RECURSIVE
            account(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM account WHERE number < 44),
            line(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM line WHERE number < 9)
        SELECT printf('8002003004%05d', account.number),
            iif(line.number < 5, 'template', 'phone_number'),
            printf('7002003004%05d', line.number / 2),
            iif(line.number < 8, 'status', 'messaging_limit'),
            1795442775000 + line.number / 3,
            iif(line.number % 3 = 0, 'webhook', 'poll'),
            iif(line.number < 3, NULL, 'OF_TOMORROW'),
            iif(line.number < 8, 'PAUSED', '10000')
        FROM account, line;
    INSERT INTO transitions VALUES
        ('1', 'account', '1', 'ban', 5, 'poll', NULL, 'RESTRICTED_BIZ until 2026-11-27T00:00:00Z'),
        ('1', 'account', '1', 'status', 5, 'poll', '', ''),
        ('1', 'account', '1', 'status', 6, 'poll', '', 'true'),
        ('1', 'template', '007', 'status', 7, 'webhook', '1', '01'),
        ('1', 'template', '7', 'status', 7, 'webhook', '1', '1'),
        ('1', 'template', '18446744073709551616', 'status', 7, 'webhook', 'A', 'B'),
        ('1', 'template', '-0', 'name', 8, 'webhook', 'A', 'Ünterwegs, \"heute\"'),
        ('1', 'template', 'shop', 'name', 8, 'webhook', 'A', 'PAUSED');";

async fn all_rows(history: &HistoryReader, limit: u32) -> Vec<HistoryRow> {
    let mut question = every_line();
    let mut all = Vec::new();
    loop {
        let rows = history.rows(&question, limit, 0).await;
        let rows = rows.expect("a readable history");
        question.after = match rows.last() {
            Some(last) => Some(last.cursor()),
            None => return all,
        };
        all.extend(rows);
    }
}

#[tokio::test]
async fn the_journal_in_text_is_moved_with_every_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    write_older(&path, 16, &[JOURNAL]).await;
    let mut connection = connect(&path).await;
    type Line = (
        String,
        String,
        String,
        String,
        i64,
        String,
        Option<String>,
        String,
    );
    let lines: Vec<Line> = sqlx::query_as(
        "SELECT waba_id, entity, entity_id, attribute, order_ms, source, from_value, to_value FROM transitions \
         ORDER BY order_ms, waba_id, entity, entity_id, attribute, source, to_value",
    )
    .fetch_all(&mut connection)
    .await
    .expect("good SQL");
    connection.close().await.expect("it closes");
    assert_eq!(lines.len(), 45 * 10 + 8);
    let older = HistoryReader::open(&Location::File(path.clone())).await;
    let older = older.expect("a store that can be copied");
    let copy = folder.path().join("copy.db");
    older.copy_to(&copy).await.expect("room");
    older.close().await;
    for path in [&path, &path, &copy] {
        // Nothing is pruned, although no account is stored.
        let store = opened(&Location::File(path.clone()), FOR_EVER).await;
        for limit in [1_000, 7] {
            let rows = all_rows(store.history(), limit).await;
            let rows = rows.into_iter().map(|row| {
                let (from, to) = (row.from, row.to);
                let id = (row.waba_id, row.entity, row.entity_id, row.attribute);
                (id.0, id.1, id.2, id.3, row.order_ms, row.source, from, to)
            });
            let rows: Vec<Line> = rows.collect();
            assert_eq!(rows.len(), lines.len());
            for (row, line) in rows.iter().zip(&lines) {
                assert_eq!(row, line);
            }
        }
        store.close().await;
    }
}
