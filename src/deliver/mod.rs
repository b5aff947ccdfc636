//! Posts bodies to other systems: requests, failures, waits and signatures that the relay and notifications share.
//!
//! Invariant: neither a URL nor a body is in an error or a log line. Knows nothing about what is sent.

mod backoff;
mod post;
mod repeated;
mod retry_after;
mod sign;

pub use backoff::{FIRST_WAIT, LONGEST_WAIT, backoff};
pub use post::{SendError, SendFailure, post, post_and_read};
pub use repeated::Repeated;
pub use sign::{SIGNATURE, sign};
