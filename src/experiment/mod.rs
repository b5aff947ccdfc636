//! Statistics of A/B experiments: which variant is better, by how much, and how many users that takes to know.
//!
//! Invariant: pure. [`judge`] needs the plan and the counts of one look, and nothing of earlier looks. Whatever the
//! counts, all its figures are finite.
//!
//! | file | question |
//! |---|---|
//! | `plan` | What is to be found out, and how certainly? |
//! | `arm` | How many users has a variant, and how many reached the goal? |
//! | `wilson` | Between which bounds is a rate? |
//! | `newcombe` | Between which bounds is a difference, at one look? |
//! | `sequential` | Between which bounds is a difference, at all looks together? |
//! | `verdict` | Is one of two variants better? |
//! | `needed` | How many users does the answer take? |
//! | `split` | Did users come to the variants as planned? |
//! | `findings` | All of it for one look |

mod arm;
mod findings;
mod interval;
mod needed;
mod newcombe;
mod plan;
mod sequential;
mod split;
#[cfg(test)]
mod tests;
mod verdict;
mod wilson;

pub use arm::{Arm, ArmError};
pub use findings::{ArmCountError, ArmFindings, Comparison, Findings, judge};
pub use interval::Interval;
pub use newcombe::Difference;
pub use plan::{Direction, Plan, PlanError, Settings, Split};
pub use split::{MISMATCH, SplitCheck};
pub use verdict::Verdict;
