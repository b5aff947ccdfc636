//! Meta's webhooks: bytes become events, counts and parse warnings.
//!
//! Invariant: everything here is pure; the owner of the socket does the I/O. Nothing is parsed before its signature
//! is verified. Only a body that is not JSON is an error, and an unreadable change does not affect the others.

mod delivery;
mod envelope;
mod handshake;
mod lanes;
mod signature;
mod wire;

#[cfg(test)]
mod tests;

pub use delivery::{AccountActivity, Delivery, Hashers, NotJson};
pub use handshake::{Handshake, HandshakeRefusal, VerifyTokens};
pub use signature::{SignatureError, Signer, Verifier};
