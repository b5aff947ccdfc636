//! Ports for servers of other programs, and ports without a listener.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux chooses ports for listeners and connections that ask for any. So no other test gets
/// a port of this range.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static USED: AtomicU16 = AtomicU16::new(0);

/// A loopback address with a port at which nothing listens.
pub fn unused_address() -> SocketAddr {
    // Processes of tests that run at the same time begin at different ports.
    let offset = std::process::id() % u32::from(COUNT);
    let offset = u16::try_from(offset).expect("less than the count");
    loop {
        let used = USED.fetch_add(1, Ordering::Relaxed);
        assert!(used < COUNT, "no port is unused");
        let port = FIRST + (offset + used) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // The listener is closed at once.
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
