//! The times of an account's polls, apart from what the polls have found.

use super::Account;
use crate::state::PollTimes;

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

    /// The account itself, without its objects and the times of the polls.
    pub(crate) fn without_poll_times(&self) -> Self {
        let mut account = self.clone();
        account.set_poll_times(Default::default());
        account
    }
}
