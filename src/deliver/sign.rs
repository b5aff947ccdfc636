//! Signs the bodies that this program sends, as Meta signs webhooks.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header of a signature.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// The header's value for a body: the HMAC-SHA256 of its bytes.
#[must_use]
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let secret = secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
