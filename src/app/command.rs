//! Sends an operator's commands to a running exporter, signed with an app secret.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{StatusCode, Url};
use secrecy::SecretString;

use super::own;
use crate::config::Config;
use crate::deliver::{SIGNATURE, sign};
use crate::ingest::graph::{direct_client, own_client};

/// An exporter on this network responds within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Client for the operator commands of a running exporter.
pub struct CommandClient {
    http: reqwest::Client,
    url: Url,
    secret: SecretString,
}

impl CommandClient {
    /// Creates a client for the exporter at `url` that signs with the secret of the configured `app`, or of the
    /// first app if `None`.
    ///
    /// # Errors
    /// If the app does not exist or has no secret.
    pub fn new(config: &Config, app: Option<&str>, url: Option<Url>) -> anyhow::Result<Self> {
        let mut apps = config.apps.iter();
        let app = match app {
            Some(name) => apps.find(|app| app.name == name),
            None => apps.next(),
        };
        let app = app.context("--app: the configuration has no app with this name")?;
        let secret = app.app_secret.clone();
        let secret =
            secret.with_context(|| format!("app {} has no app secret to sign with", app.name))?;
        // As for Meta: no redirects, and the CA store is loaded for https only. No proxy for the exporter's own
        // listener.
        let (http, url) = match url {
            Some(url) => (direct_client(&url, TIMEOUT)?, url),
            None => {
                let url = own::webhook_url(config)?;
                (own_client(&url, TIMEOUT)?, url)
            }
        };
        Ok(Self { http, url, secret })
    }

    /// Signs and sends a command, and returns the body of the answer.
    ///
    /// # Errors
    /// If the exporter cannot be reached, or rejects the command; the error includes its reason.
    pub async fn send(&self, body: Vec<u8>) -> anyhow::Result<String> {
        let signature = sign(&self.secret, &body);
        let request = self.http.post(self.url.clone());
        let request = request.header(SIGNATURE, signature).body(body);
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("no exporter responds at {}", self.url))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.text().await?),
            StatusCode::UNAUTHORIZED => {
                bail!("the exporter at {} has another app secret", self.url)
            }
            status => {
                let why = answer.text().await.unwrap_or_default();
                bail!("the exporter responded with {status}: {}", why.trim_end())
            }
        }
    }
}
