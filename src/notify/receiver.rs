//! One receiver, and one request to it.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;

use super::filter::Filter;
use super::message::Message;
use super::{cloudevents, slack};
use crate::clock;
use crate::deliver::{SIGNATURE, SendError, post, sign};
use crate::domain::Assignments;

/// The format of a receiver's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0, structured JSON.
    CloudEvents,
    /// Text for a Slack incoming webhook.
    Slack,
}

/// A receiver of changes.
pub struct Receiver {
    /// Its name, a label value.
    pub name: String,
    /// Its URL, which may contain a secret and is never shown.
    pub url: Url,
    /// HTTP client that follows no redirects and has a timeout.
    pub http: reqwest::Client,
    /// The format of its bodies.
    pub format: Format,
    /// The secret with which its bodies are signed. `None` if they are not.
    pub secret: Option<SecretString>,
    /// The changes that it gets.
    pub filter: Filter,
    /// Time for which changes are collected. `None` posts each at once.
    pub digest: Option<Duration>,
    /// Page with the runbooks of the alerts. `None` for the project's page.
    pub runbooks: Option<Url>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Receiver({})", self.name)
    }
}

impl Receiver {
    /// Posts a test, and returns the status of the response.
    ///
    /// # Errors
    /// Why the receiver did not accept it, as one sentence without the URL.
    pub async fn test(&self) -> Result<u16, String> {
        let test = Message::Test(clock::calendar(clock::now().at_whole_seconds()));
        let sent = self.send(&test, &Assignments::none()).await;
        sent.map_err(|refusal| match refusal.status {
            Some(status) => format!("responded with {status} ({})", refusal.failure.as_str()),
            None => format!("did not respond ({})", refusal.failure.as_str()),
        })
    }

    /// Posts a message once. `assignments` name the app of each account.
    pub(super) async fn send(
        &self,
        message: &Message,
        assignments: &Assignments,
    ) -> Result<u16, SendError> {
        let runbooks = self.runbooks.as_ref();
        let (body, content_type) = match self.format {
            Format::CloudEvents => {
                let body = cloudevents::body(message, runbooks, assignments);
                (body, cloudevents::CONTENT_TYPE)
            }
            Format::Slack => (slack::body(message, runbooks), "application/json"),
        };
        let request = self.http.post(self.url.clone());
        let mut request = request.header(CONTENT_TYPE, content_type);
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, sign(secret, &body));
        }
        post(request.body(body)).await
    }
}
