//! The HTTP versions of a connection, with their limits and timeouts.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::Limits;

/// Maximum size of a request's head in bytes. Tokens and cookies have some 4 KiB.
const MAX_HEAD: usize = 16 * 1024;

/// Maximum number of concurrent requests on one HTTP/2 connection. Prometheus and browsers need a few.
const MAX_STREAMS: u32 = 32;

/// Interval of HTTP/2 pings, and their timeout.
const PING: Duration = Duration::from_secs(20);

/// Bytes of request bodies that HTTP/2 receives before a handler reads them, per connection and per stream.
const CONNECTION_WINDOW: u32 = 256 * 1024;

const STREAM_WINDOW: u32 = 128 * 1024;

/// Bytes of a response that HTTP/2 buffers per stream.
const SEND_BUFFER: usize = 64 * 1024;

/// The server of a connection, for the version that was negotiated.
pub(super) fn builder(is_http2: bool, limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new());
    http1.header_read_timeout(limits.silence);
    http1.max_buf_size(MAX_HEAD);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new());
    http2.keep_alive_interval(PING);
    http2.keep_alive_timeout(PING);
    http2.max_concurrent_streams(MAX_STREAMS);
    http2.initial_connection_window_size(CONNECTION_WINDOW);
    http2.initial_stream_window_size(STREAM_WINDOW);
    http2.max_send_buf_size(SEND_BUFFER);
    http2.max_header_list_size(MAX_HEAD as u32);
    if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}
