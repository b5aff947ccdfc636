//! Time limits of this side.
//!
//! The server's own limits have no effect if its host is lost without closing the connection: sqlx sets no keep-alive
//! on its sockets, so a query would wait for many minutes. Every operation thus ends by a clock of this process too, a
//! little after the server's limit. Its outcome is then unknown, so its connection is not used again.

use std::time::Duration;

use tokio::time::timeout;

use super::PostgresError;
use super::error::UNREACHABLE;

/// For the operations that come between two heartbeats. Longer than a statement may wait for a lock, and than the time
/// after which other replicas end the session. A COMMIT takes this long if the synchronous standbys are gone, because
/// the server does not limit how long it waits for them.
pub(super) const SHORT: Duration = Duration::from_secs(12);

/// For operations whose statements may take as long as the server allows the writer.
pub(super) const LONG: Duration = Duration::from_secs(35);

/// How long a reader waits for a connection and its answer, besides the time that the server may take.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// For a reader's operation.
pub(super) const READ: Duration = Duration::from_secs(15);

/// For operations whose result is not needed.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Ends an operation at its limit, by dropping it. The error may pass: another connection may reach a server.
pub(super) async fn within<T, E, F>(
    limit: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, F>
where
    F: From<E> + From<PostgresError>,
{
    match timeout(limit, operation).await {
        Ok(done) => done.map_err(F::from),
        Err(_) => {
            let message = format!("the server has not answered within {} s", limit.as_secs());
            Err(PostgresError::new(UNREACHABLE, message).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::store::engine::StoreError;

    #[tokio::test(start_paused = true)]
    async fn an_operation_without_an_answer_ends_and_may_be_tried_again() {
        let silent = pending::<Result<(), sqlx::Error>>();
        let error: StoreError = within(SHORT, silent).await.expect_err("no answer");
        assert!(error.reason.may_pass());
        assert!(error.to_string().ends_with("within 12 s"), "{error}");
        let answered = async { Ok::<_, sqlx::Error>(7) };
        let done: Result<u8, StoreError> = within(SHORT, answered).await;
        assert_eq!(done.expect("an answer"), 7);
    }
}
