//! The times of an account's polls and the calls that they have spent, stored separately from the results of the polls.

use super::Account;
use crate::domain::SpentCalls;
use crate::state::{Latest, PollTimes};

impl Account {
    /// The times of the polls, in the order of [`Collector`](crate::domain::Collector).
    pub(crate) fn poll_times(&self) -> [&PollTimes; 4] {
        let [numbers, account, templates] = &self.polls;
        [numbers, account, templates, &self.insights.polls]
    }

    /// Sets the times of the polls, in the order of [`Self::poll_times`].
    pub(crate) fn set_poll_times(&mut self, times: [PollTimes; 4]) {
        let [numbers, account, templates, insights] = times;
        self.polls = [numbers, account, templates];
        self.insights.polls = insights;
    }

    /// The calls that polls have spent of the budget. `None` if they have not made any.
    #[must_use]
    pub fn spent_calls(&self) -> Option<&SpentCalls> {
        self.spent_calls.value()
    }

    /// The same with its time.
    pub(crate) fn latest_spent_calls(&self) -> &Latest<SpentCalls> {
        &self.spent_calls
    }

    /// Sets the calls that polls have spent.
    pub(crate) fn set_spent_calls(&mut self, spent: Latest<SpentCalls>) {
        self.spent_calls = spent;
    }

    /// The account itself, without its objects and the times of the polls.
    pub(crate) fn without_poll_times(&self) -> Self {
        let mut account = self.clone();
        account.set_poll_times(Default::default());
        account
    }
}
