//! The kinds of secrets, by who chooses them and where they are sent.

/// The kind of a secret, which determines its valid characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    /// Issued by Meta. Sent in an HTTP header, so only visible ASCII characters are valid.
    AccessToken,
    /// Issued by Meta: 32 hexadecimal digits in all known cases.
    AppSecret,
    /// Chosen by the operator. Received in an HTTP header, so only visible ASCII characters are valid.
    ClientToken,
    /// Chosen by the operator. Only compared, so any printable character is valid.
    Phrase,
}

impl SecretKind {
    /// Whether Meta issues the secret, so that it has a restricted character set.
    pub(super) fn is_from_meta(self) -> bool {
        matches!(self, Self::AccessToken | Self::AppSecret)
    }

    /// Whether the secret is sent or received in an HTTP header.
    pub(super) fn is_header(self) -> bool {
        matches!(self, Self::AccessToken | Self::ClientToken)
    }
}
