//! Answers that are computed from the state: the used share of a limit, the causes of a falling rating, and whether a
//! campaign may be sent.
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
