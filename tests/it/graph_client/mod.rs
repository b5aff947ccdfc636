//! The client of the Graph API over real sockets, with the simulated Meta: its requests, its handling of every kind of
//! response, and its counters.
//!
//! The simulator and the parser were written separately from Meta's pages, so their agreement proves something.

mod access;
mod dropped;
mod failures;
mod fields;
mod limits;
mod network;
mod paging;
mod unreadable;
mod values;
