//! The process' signals: SIGTERM and SIGINT stop it, SIGHUP reads the configuration again.

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
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "told to stop"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "told to stop"),
        }
        stop.cancel();
    });
    Ok(())
}

/// Asks for a reload at each SIGHUP. What comes of it is logged by whoever does it.
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
