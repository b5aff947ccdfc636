//! A bound port, and serving on it until told to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take to finish once the process is told to stop. Kubernetes
/// kills after 30 s by default, and Meta repeats whatever it did not see acknowledged.
const GRACE: Duration = Duration::from_secs(5);

/// A port that is bound and not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address; port 0 takes any that is free.
    ///
    /// # Errors
    /// Those of the operating system, with the address in the text.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let say_where = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        };
        let socket = TcpListener::bind(address).await.map_err(say_where)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until `stop`, then lets requests under way finish, but not for ever.
///
/// # Errors
/// Those of accepting connections.
pub async fn serve(listener: Listener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let served = axum::serve(listener.socket, router)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = served => result,
        () = patience => {
            tracing::warn!("requests still under way at the end of the grace period, closing");
            Ok(())
        }
    }
}
