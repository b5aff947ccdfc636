//! Options of a client.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::AppId;

/// Options of a client.
pub struct ClientOptions {
    /// URL of the Graph API.
    pub base_url: Url,
    /// The requested version; Meta may respond with another one.
    pub api_version: String,
    /// The access token, sent only in the header.
    pub access_token: SecretString,
    /// The app secret, for the proof that some apps require. `None` sends no proof.
    pub app_secret: Option<SecretString>,
    /// The app id. `None` requests it with the token.
    pub app_id: Option<AppId>,
    /// From the request to the last byte of the response.
    pub request_timeout: Duration,
    /// Maximum size of a response in bytes, decompressed.
    pub max_answer_bytes: usize,
}
