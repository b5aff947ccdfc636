//! Verifies `X-Hub-Signature-256`, the HMAC of the body's bytes with one of the app secrets.
//!
//! Does not depend on the content: Meta signs an escaped form of its JSON, so only the body as received can be
//! verified, before it is parsed.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;

/// Prefix of the hexadecimal digits in the header.
const SCHEME: &[u8] = b"sha256=";

/// Bytes of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Why a delivery was rejected. All get the same response, 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The header is missing or empty.
    #[error("the delivery has no X-Hub-Signature-256 header")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the X-Hub-Signature-256 header is not sha256= and 64 hexadecimal digits")]
    Malformed,
    /// No configured secret gives this signature for this body.
    #[error("the signature matches none of the app secrets")]
    Bad,
}

impl SignatureError {
    /// Every kind, for counters that start at 0.
    pub const ALL: &'static [Self] = &[Self::Missing, Self::Malformed, Self::Bad];

    /// The label value of `whatsapp_exporter_webhook_rejected_total{reason}`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing_signature",
            Self::Malformed => "malformed_signature",
            Self::Bad => "bad_signature",
        }
    }
}

/// Verifies signatures against the secrets of several apps.
///
/// The secrets are stored as keyed HMAC states, which a delivery clones instead of repeating the key schedule.
/// Without secrets, every signature is bad.
#[derive(Clone)]
pub struct Verifier {
    signers: Vec<(Hmac<Sha256>, Signer)>,
}

/// The owner of one app secret. Several configured apps may share a secret: one Meta app with a token for each
/// client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The configured names of the apps with this secret, in the order of the configuration; at least one. Apps for
    /// which it is the previous secret come last.
    apps: Vec<Arc<str>>,
    /// Number of apps whose current secret this is.
    current: usize,
}

impl Signer {
    /// The apps with this secret, including those that have replaced it.
    #[must_use]
    pub fn apps(&self) -> &[Arc<str>] {
        &self.apps
    }

    /// The apps with this secret, without those that have replaced it.
    #[must_use]
    pub fn current_apps(&self) -> &[Arc<str>] {
        &self.apps[..self.current]
    }

    /// Whether every app has replaced this secret.
    #[must_use]
    pub fn is_previous(&self) -> bool {
        self.current == 0
    }

    /// The name of the first app, which represents all of them.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        self.apps.first().expect("a signer has at least one app")
    }
}

impl Verifier {
    /// Creates a verifier for these apps and their secrets. Skips empty secrets, because anybody could sign
    /// with them.
    #[must_use]
    pub fn new(apps: &[(Arc<str>, SecretString)]) -> Self {
        let mut verifier = Self {
            signers: Vec::new(),
        };
        for (app, secret) in apps {
            if let Some(signer) = verifier.signer_with(secret) {
                signer.apps.push(Arc::clone(app));
                signer.current += 1;
            }
        }
        verifier
    }

    /// Also accepts the previous secrets of these apps, during a rotation.
    #[must_use]
    pub fn with_previous(mut self, apps: &[(Arc<str>, SecretString)]) -> Self {
        for (app, secret) in apps {
            if let Some(signer) = self.signer_with(secret)
                && !signer.apps.contains(app)
            {
                signer.apps.push(Arc::clone(app));
            }
        }
        self
    }

    /// The signer with this secret, created if necessary. `None` for an empty secret.
    fn signer_with(&mut self, secret: &SecretString) -> Option<&mut Signer> {
        let secret = secret.expose_secret().as_bytes();
        if secret.is_empty() {
            return None;
        }
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        // Equal secrets sign alike. Both are configured by the operator, so timing reveals nothing to an attacker.
        let of_nothing = |keyed: &Hmac<Sha256>| keyed.clone().finalize().into_bytes();
        let same = |(known, _): &(Hmac<Sha256>, Signer)| of_nothing(known) == of_nothing(&keyed);
        let known = self.signers.iter().position(same);
        let place = known.unwrap_or(self.signers.len());
        if known.is_none() {
            let signer = Signer {
                apps: Vec::new(),
                current: 0,
            };
            self.signers.push((keyed, signer));
        }
        self.signers.get_mut(place).map(|(_, signer)| signer)
    }

    /// Returns the signer of `body` if `header` is a valid signature with one of the secrets.
    ///
    /// Every secret is tried and compared in constant time, so that the duration does not show which one is close.
    ///
    /// # Errors
    /// If the header is missing or malformed, or is not a signature of this body.
    pub fn verify(&self, header: Option<&[u8]>, body: &[u8]) -> Result<&Signer, SignatureError> {
        let signature = signature_in(header)?;
        let mut found = None;
        for (keyed, signer) in &self.signers {
            let mut mac = keyed.clone();
            mac.update(body);
            if mac.verify_slice(&signature).is_ok() {
                found = Some(signer);
            }
        }
        found.ok_or(SignatureError::Bad)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Verifier({} secrets)", self.signers.len())
    }
}

fn signature_in(header: Option<&[u8]>) -> Result<[u8; SIGNATURE_BYTES], SignatureError> {
    let header = header.map(<[u8]>::trim_ascii).unwrap_or_default();
    if header.is_empty() {
        return Err(SignatureError::Missing);
    }
    let mut signature = [0; SIGNATURE_BYTES];
    header
        .strip_prefix(SCHEME)
        .and_then(|digits| hex::decode_to_slice(digits, &mut signature).ok())
        .ok_or(SignatureError::Malformed)?;
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed with `printf '%s' '{"a":"\u00e4"}' | openssl dgst -sha256 -hmac autumn`, to compare with another
    /// implementation.
    const BODY: &[u8] = br#"{"a":"\u00e4"}"#;
    const BY_OPENSSL: &[u8] =
        b"sha256=2c058b4e18a78dab68394510a010f939425213dadd531d1f69d5793f36e53402";

    fn verifier(secrets: &[&str]) -> Verifier {
        let apps: Vec<_> = (0..)
            .zip(secrets)
            .map(|(index, text)| (format!("app {index}").into(), SecretString::from(*text)))
            .collect();
        Verifier::new(&apps)
    }

    /// The apps whose secret signed the body of the openssl command.
    fn signed_by(verifier: &Verifier, header: &[u8]) -> Vec<String> {
        let signer = verifier
            .verify(Some(header), BODY)
            .expect("a good signature");
        signer
            .apps()
            .iter()
            .map(|app| app.as_ref().to_owned())
            .collect()
    }

    #[test]
    fn a_signature_names_the_apps_with_its_secret() {
        for (secrets, apps) in [
            (&["autumn"][..], &["app 0"][..]),
            (&["spring", "autumn"], &["app 1"]),
            (&["autumn", "spring", "autumn"], &["app 0", "app 2"]),
        ] {
            assert_eq!(signed_by(&verifier(secrets), BY_OPENSSL), apps);
        }
        let upper = BY_OPENSSL.to_ascii_uppercase();
        let upper = [SCHEME, &upper[SCHEME.len()..]].concat();
        assert_eq!(signed_by(&verifier(&["autumn"]), &upper), ["app 0"]);
    }

    #[test]
    fn a_previous_secret_is_accepted_and_distinguished() {
        let named = |apps: &[(&str, &str)]| {
            let apps = apps
                .iter()
                .map(|(app, secret)| ((*app).into(), SecretString::from(*secret)));
            apps.collect::<Vec<_>>()
        };
        let two = named(&[("one", "summer"), ("two", "winter")]);
        // A previous secret that is now another app's current one belongs to that app first; an empty one is ignored.
        for (current, previous, all, now) in [
            (&two, named(&[("one", "autumn")]), &["one"][..], &[][..]),
            (
                &two,
                named(&[("one", "autumn"), ("two", "autumn")]),
                &["one", "two"],
                &[],
            ),
            (
                &named(&[("one", "summer"), ("two", "autumn")]),
                named(&[("one", "autumn")]),
                &["two", "one"],
                &["two"],
            ),
            (
                &named(&[("one", "autumn")]),
                named(&[("one", "autumn")]),
                &["one"],
                &["one"],
            ),
        ] {
            let verifier = Verifier::new(current).with_previous(&previous);
            let signer = verifier.verify(Some(BY_OPENSSL), BODY).expect("accepted");
            let names =
                |apps: &[Arc<str>]| apps.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(
                (names(signer.apps()), names(signer.current_apps())),
                (names_of(all), names_of(now))
            );
            assert_eq!(signer.is_previous(), now.is_empty());
        }
        let empty = Verifier::new(&two).with_previous(&named(&[("one", "")]));
        assert_eq!(
            empty.verify(Some(BY_OPENSSL), BODY),
            Err(SignatureError::Bad)
        );
    }

    fn names_of(apps: &[&str]) -> Vec<String> {
        apps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let one = verifier(&["autumn"]);
        for (header, error) in [
            (None, SignatureError::Missing),
            (Some(&b"  "[..]), SignatureError::Missing),
            (Some(b"sha256="), SignatureError::Malformed),
            (Some(b"sha1=0011"), SignatureError::Malformed),
            (Some(&BY_OPENSSL[SCHEME.len()..]), SignatureError::Malformed),
            (
                Some(&BY_OPENSSL[..BY_OPENSSL.len() - 2]),
                SignatureError::Malformed,
            ),
            (Some(b"sha256=\xff\xff"), SignatureError::Malformed),
        ] {
            assert_eq!(one.verify(header, BODY), Err(error), "{header:?}");
        }
        assert_eq!(
            one.verify(Some(BY_OPENSSL), b"{}"),
            Err(SignatureError::Bad)
        );
        assert_eq!(
            verifier(&["spring"]).verify(Some(BY_OPENSSL), BODY),
            Err(SignatureError::Bad)
        );
    }

    #[test]
    fn without_a_secret_every_signature_is_bad() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").expect("any key");
        mac.update(BODY);
        let header = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        for secrets in [&[][..], &[""]] {
            assert_eq!(
                verifier(secrets).verify(Some(header.as_bytes()), BODY),
                Err(SignatureError::Bad)
            );
        }
    }

    #[test]
    fn debug_does_not_show_a_secret() {
        assert_eq!(
            format!("{:?}", verifier(&["autumn"])),
            "Verifier(1 secrets)"
        );
    }
}
