//! Options of a client.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::AppId;

/// Options of a client.
pub struct ClientOptions {
    /// URL of the Graph API.
    pub base_url: Url,
    /// The version asked for; Meta may answer with another.
    pub api_version: String,
    /// The token, sent in the header alone.
    pub access_token: SecretString,
    /// Proves the token to apps that demand it.
    pub app_secret: Option<SecretString>,
    /// The app, where known; else the token is asked.
    pub app_id: Option<AppId>,
    /// From request to the last byte of the answer.
    pub request_timeout: Duration,
    /// The most bytes of an answer, decompressed.
    pub max_answer_bytes: usize,
}
