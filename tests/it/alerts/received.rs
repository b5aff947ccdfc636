//! A listener that keeps what it receives.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Everything that was received so far.
#[derive(Clone)]
pub struct Received<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone + Send + 'static> Received<T> {
    /// Listens; `converse` has a whole conversation with a client, and gives what it sent.
    pub fn by(converse: fn(TcpStream) -> std::io::Result<Option<T>>) -> (Self, SocketAddr) {
        let received = Self(Arc::default());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let to = received.clone();
        // It ends with the test's process: a listener cannot be asked to.
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
