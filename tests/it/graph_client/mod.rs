//! The client of the Graph API over real sockets, against the simulated Meta: what it asks, what it
//! makes of every kind of answer, and what it counts.
//!
//! The simulator's reading of Meta's pages is not the parser's, so agreement here means something.

mod access;
mod dropped;
mod failures;
mod fields;
mod limits;
mod network;
mod paging;
mod unreadable;
mod values;
