//! Bans, scheduled disablings and the loss of an account.

use std::time::Duration;

use super::Account;
use crate::domain::account::{Ban, BanState, Loss};
use crate::domain::{CanSendMessage, HealthEntity, Timestamp};
use crate::state::Stamp;

/// Length of the day on which Meta disables an account. Meta gives a date without a time.
const DAY: Duration = Duration::from_secs(86_400);

impl Account {
    /// The ban that Meta has reported. `None` without a ban, and if the day of a scheduled disabling has passed without
    /// it.
    #[must_use]
    pub fn ban_in_force(&self) -> Option<Ban> {
        self.ban
            .value()
            .filter(|ban| !self.has_passed_without_disabling(*ban))
    }

    /// Time at which Meta will disable the account, unless a later event has cancelled it.
    #[must_use]
    pub fn disable_scheduled_at(&self) -> Option<Timestamp> {
        let ban = self
            .ban_in_force()
            .filter(|ban| ban.state == BanState::ScheduleForDisable);
        ban.and_then(|ban| ban.date)
    }

    /// Whether a poll after the announced day found that the account can send: it was not disabled, and Meta reports
    /// no cancellation.
    fn has_passed_without_disabling(&self, ban: Ban) -> bool {
        let Some(date) = ban
            .date
            .filter(|_| ban.state == BanState::ScheduleForDisable)
        else {
            return false;
        };
        let last_day = Stamp::polled(date.plus(DAY));
        let can_send = self.can_send_stamp();
        can_send > Some(last_day) && can_send > self.ban.last_seen()
    }

    /// Stamp of the newest poll, if it found that the account can send. An account can send although its business is
    /// LIMITED: a business that was never verified is.
    fn can_send_stamp(&self) -> Option<Stamp> {
        let health = self.health.value()?;
        let of_account = health.entities.iter();
        let of_account = of_account.filter(|entity| entity.kind == HealthEntity::Waba);
        let own = of_account.map(|entity| entity.can_send_message).next();
        let can_send = own.unwrap_or(health.can_send_message) == CanSendMessage::Available;
        self.health.stamp().filter(|_| can_send)
    }

    /// Time at which the account was lost. `None` while it is visible.
    #[must_use]
    pub fn lost_since(&self) -> Option<Timestamp> {
        self.loss.value().filter(|loss| *loss != Loss::None)?;
        self.loss.since().map(Stamp::at)
    }
}
