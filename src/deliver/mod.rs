//! Posts bodies to other systems: requests, failures, waits and signatures that the relay and notifications share.
//!
//! Invariant: neither a URL nor a body is in an error or a log line. Does not depend on the content.

mod backoff;
mod log_limiter;
mod post;
mod retry_after;
mod sign;

pub use backoff::{FIRST_WAIT, LONGEST_WAIT, backoff};
pub use log_limiter::LogLimiter;
pub use post::{SendError, SendFailure, post, post_and_read};
pub use sign::{SIGNATURE, sign};
