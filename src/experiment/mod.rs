//! Statistics of A/B experiments: which variant is better, by how much, and how many users a verdict needs.
//!
//! Invariant: pure. [`judge`] uses only the plan and the counts of one look, and no data of earlier looks. Whatever the
//! counts, all its figures are finite.
//!
//! | file | content |
//! |---|---|
//! | `plan` | settings and their validation |
//! | `arm` | users and successes of a variant |
//! | `wilson` | confidence interval of a rate |
//! | `newcombe` | confidence interval of a difference, for one look |
//! | `sequential` | confidence sequence of a difference, for all looks together |
//! | `verdict` | verdict about two variants |
//! | `needed` | required sample size |
//! | `split` | test for a sample ratio mismatch |
//! | `findings` | all results of one look |

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
pub use split::SplitCheck;
pub use verdict::Verdict;
