//! Polling the Graph API on a timer of its own, so that scrapes never spend the API budget.
//!
//! [`Schedule`] and [`Budget`] are pure and decide; [`Poller`] is the dull loop that asks them. A
//! webhook never starts a poll: it nudges, and the schedule may move a poll forward.

mod access;
mod budget;
mod chatter;
mod once;
mod plan;
mod runner;
mod schedule;

#[cfg(test)]
mod tests;

pub use access::{AccessBoard, AccessPlan, AccessPoller, AppCalls, WatchedApp};
pub use budget::{Budget, Budgets, Deferral, DeferralReason};
pub use plan::planned_calls;
pub use runner::{Nudge, PollPlan, PollPlanner, Poller, PollingApp};
pub use schedule::{Cadences, Next, Schedule, Task};
