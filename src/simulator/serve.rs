//! How the simulated servers run, and how they end.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Grace period of connections during shutdown; hanging responses end immediately.
const GRACE: Duration = Duration::from_millis(500);

/// Serves and runs `background` until `stop` is cancelled, then cancels `stopping` and ends at once. What runs in the
/// background must end by `stopping`.
///
/// # Errors
/// If the server fails.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    background: impl Future<Output = ()>,
    stop: CancellationToken,
    stopping: &CancellationToken,
) -> io::Result<()> {
    let server =
        axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let end = async {
        stop.cancelled().await;
        stopping.cancel();
    };
    let background = async {
        tokio::join!(background, end);
    };
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        result = &mut server => result,
        () = background => timeout(GRACE, server).await.unwrap_or(Ok(())),
    }
}
