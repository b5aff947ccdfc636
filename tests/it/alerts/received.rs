//! A listener that keeps what it receives.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Everything that was received so far.
#[derive(Clone)]
pub struct Received<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone + Send + 'static> Received<T> {
    /// Starts a listener. `converse` handles a connection of a client, and returns what it sent.
    pub fn by(converse: fn(TcpStream) -> std::io::Result<Option<T>>) -> (Self, SocketAddr) {
        let received = Self(Arc::default());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let to = received.clone();
        // It ends with the process of the test, because a blocking listener cannot be stopped.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let some = converse(stream).expect("Alertmanager speaks the protocol");
                to.0.lock().expect("no panic").extend(some);
            }
        });
        (received, address)
    }

    pub fn all(&self) -> Vec<T> {
        self.0.lock().expect("no panic").clone()
    }
}
