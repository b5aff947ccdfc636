//! HMAC-SHA256 with the app secret, for signing webhooks and for `appsecret_proof`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The HMAC-SHA256 of `message` in lower-case hexadecimal digits. For a token, this is its `appsecret_proof`.
#[must_use]
pub fn hex_hmac(secret: &str, message: &[u8]) -> String {
    hex::encode(mac(secret, message).finalize().into_bytes())
}

/// The value of `X-Hub-Signature-256` for a webhook body.
#[must_use]
pub fn header_value(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex_hmac(secret, body))
}

/// Whether a value of `X-Hub-Signature-256` is that of this body. Compares in constant time.
#[must_use]
pub fn is_valid(secret: &str, body: &[u8], header: &str) -> bool {
    let digits = header.strip_prefix("sha256=");
    let signature = digits.and_then(|digits| hex::decode(digits).ok());
    signature.is_some_and(|signature| mac(secret, body).verify_slice(&signature).is_ok())
}

fn mac(secret: &str, message: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signature_of_the_body_is_valid() {
        let good = header_value("secret", b"body");
        assert!(is_valid("secret", b"body", &good));
        for bad in ["", "sha256=", "sha256=00", &good["sha256=".len()..]] {
            assert!(!is_valid("secret", b"body", bad), "{bad}");
        }
        assert!(!is_valid("secret", b"another body", &good));
        assert!(!is_valid("another secret", b"body", &good));
    }

    #[test]
    fn the_published_test_vector_of_hmac_sha256_matches() {
        // RFC 4231, test case 2.
        assert_eq!(
            header_value("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
