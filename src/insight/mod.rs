//! Answers that are computed from the state: how much of a limit is used, what a falling rating comes from, whether
//! a campaign may be sent.
//!
//! Invariant: pure. The same state and the same time give the same answer.

pub mod attribution;
pub mod category_cost;
pub mod confusing_steps;
pub mod experiments;
pub mod headroom;
pub mod opt_out_surge;
pub mod rates;
pub mod send_gate;
