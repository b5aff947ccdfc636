//! Where Meta delivers the messages of a number of the account.

use super::Account;
use crate::domain::{CallbackUrl, messages_callback, messages_override};
use crate::state::Number;

impl Account {
    /// The URL to which Meta delivers the `messages` webhooks of one of its numbers, given the callback URL of the app
    /// that polls the account. `None` if unknown.
    #[must_use]
    pub fn messages_callback<'a>(
        &'a self,
        number: &'a Number,
        app: Option<&'a CallbackUrl>,
    ) -> Option<&'a CallbackUrl> {
        let levels = number.webhook_configuration.value();
        messages_callback(levels, self.callback_override.value(), app)
    }

    /// The URL to which an override moves the `messages` webhooks of one of its numbers. `None` without an override.
    #[must_use]
    pub fn messages_override<'a>(&'a self, number: &'a Number) -> Option<&'a CallbackUrl> {
        let levels = number.webhook_configuration.value();
        messages_override(levels, self.callback_override.value())
    }
}
