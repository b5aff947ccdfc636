//! Polls the Graph API on its own schedule, so that scrapes do not spend the API budget.
//!
//! [`Schedule`] and [`Budget`] are pure and decide; [`Poller`] is the loop that executes their decisions. A webhook
//! never starts a poll, but the schedule may move a poll forward because of it.

mod access;
mod budget;
mod insights;
mod log_limiter;
mod once;
mod parts;
mod plan;
mod runner;
mod schedule;

#[cfg(test)]
mod tests;

pub use access::{AccessPlan, AccessPoller, AccessRegistry, AppCalls, WatchedApp};
pub use budget::{Budget, Budgets, Deferral, DeferralReason};
pub use insights::{
    InsightsPlan, calls_per_poll as insights_calls, plan as plan_insights, read as read_insights,
};
pub use plan::planned_calls;
pub use runner::{PollPlan, PollPlanner, PollTrigger, Poller, PollingApp};
pub use schedule::{Cadences, InsightsOptions, NextPoll, Schedule, Task};
