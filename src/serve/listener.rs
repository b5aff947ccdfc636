//! A bound TCP port.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Maximum number of connections that wait to be accepted. With the usual 128, some connections in a burst of a few
/// hundred waited a second until their first packet was retransmitted.
const BACKLOG: u32 = 4096;

/// Pause after an error such as a lack of file descriptors, which open connections will free.
const PAUSE: Duration = Duration::from_millis(200);

/// A bound port that is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address; port 0 selects a free port.
    ///
    /// # Errors
    /// The operating system's error, with the address in the text.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let say_where = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        };
        let socket = listen(address).map_err(say_where)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts the next connection. Skips connections that were closed before they were accepted.
    pub(super) async fn accept(&self) -> TcpStream {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    // Responses are small and written at once; with Nagle's algorithm some would wait 40 ms. A
                    // failure is harmless.
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
    // Usual for servers, so that a restart need not wait for connections that have just ended.
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
