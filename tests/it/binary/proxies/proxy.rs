//! A forward proxy that notes each request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::NAMES;

/// A proxy that records the first line of each request, and tunnels CONNECT requests to a local target, if it
/// has one.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy that tunnels every CONNECT request to `target`, if set.
    pub(super) fn start(target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, notes) = (stream.expect("a connection"), Arc::clone(&notes));
                thread::spawn(move || serve(stream, target, &notes));
            }
        });
        Self { address, asked }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic before").clone()
    }

    /// All proxy variables, set to this proxy.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let url = format!("http://me:hidden@{}", self.address);
        NAMES.map(|name| (name.to_owned(), url.clone())).to_vec()
    }
}

fn serve(stream: TcpStream, target: Option<SocketAddr>, notes: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut first = String::new();
    let _ = lines.read_line(&mut first);
    notes
        .lock()
        .expect("no panic before")
        .push(first.trim().to_owned());
    let mut line = first.clone();
    while line.trim() != "" {
        line.clear();
        let _ = lines.read_line(&mut line);
    }
    let mut client = stream;
    let Some(target) = target.filter(|_| first.starts_with("CONNECT ")) else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        return;
    };
    let mut server = TcpStream::connect(target).expect("it listens");
    let _ = client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
    let (mut from, mut to) = (
        server.try_clone().expect("a handle"),
        client.try_clone().expect("a handle"),
    );
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Both);
}
