//! Signals of the process: SIGTERM and SIGINT stop it, SIGHUP reloads the configuration.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::serve::ReloadRequest;

/// Cancels `stop` at the first SIGTERM or SIGINT.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn stop_on_signals(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "received stop signal"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "received stop signal"),
        }
        stop.cancel();
    });
    Ok(())
}

/// Requests a reload at each SIGHUP. The reload logs its outcome.
///
/// # Errors
/// If the handler cannot be installed.
pub fn reload_on_signals(reload: mpsc::Sender<ReloadRequest>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            let (answer, _outcome_is_logged) = oneshot::channel();
            if reload.send(answer).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}
