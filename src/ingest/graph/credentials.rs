//! Credentials of calls: a token with its proof, or the id and secret of the app.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::failure::CredentialKind;
use crate::domain::AppId;

/// The identity with which a call is made.
pub(super) struct Credentials {
    pub authorization: HeaderValue,
    pub proof: Option<SecretString>,
    pub kind: CredentialKind,
}

impl Credentials {
    /// With a token, and the proof that the caller knows the app's secret.
    ///
    /// # Errors
    /// If the token is not a valid header value.
    pub fn for_token(
        token: &SecretString,
        app_secret: Option<&SecretString>,
    ) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            authorization: bearer(token.expose_secret())?,
            proof: app_secret.map(|secret| proof(secret, token)),
            kind: match app_secret {
                Some(_) => CredentialKind::TokenWithProof,
                None => CredentialKind::Token,
            },
        })
    }

    /// With the app's own credentials, for requests that a user's token may not make.
    ///
    /// # Errors
    /// If the secret is not a valid header value.
    pub fn for_app(app_id: &AppId, app_secret: &SecretString) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            authorization: bearer(&format!("{app_id}|{}", app_secret.expose_secret()))?,
            proof: None,
            kind: CredentialKind::App,
        })
    }
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

fn proof(app_secret: &SecretString, access_token: &SecretString) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.expose_secret().as_bytes())
        .expect("a key of any length will do");
    mac.update(access_token.expose_secret().as_bytes());
    hex::encode(mac.finalize().into_bytes()).into()
}
