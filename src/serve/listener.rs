//! A bound port.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the system holds until they are accepted. With the usual 128 a burst of a few hundred
/// had some wait a second, until their first packet was sent again.
const BACKLOG: u32 = 4096;

/// How long it is waited where the system has no more descriptors; some connection will end.
const PAUSE: Duration = Duration::from_millis(200);

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
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let say_where = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        };
        let socket = listen(address).map_err(say_where)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts the next connection. Connections that were closed before they were accepted are skipped.
    pub(super) async fn accept(&self) -> TcpStream {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and written at once; without it some wait 40 ms. It is no loss if it fails.
                    drop(stream.set_nodelay(true));
                    return stream;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    let address = self.address;
                    tracing::error!(%address, %error, "could not accept connections; retrying");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // As every server does: so that a restart need not wait for connections that have just ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
