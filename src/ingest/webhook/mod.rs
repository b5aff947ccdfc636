//! Meta's webhooks: bytes in; events, counts and oddities out.
//!
//! Invariant: everything here is pure, so that whoever owns the socket decides when. Nothing is parsed
//! before its signature is verified, only a body that is not JSON is an error, and one odd change never
//! costs the others.

mod delivery;
mod envelope;
mod handshake;
mod lanes;
mod signature;
mod wire;

#[cfg(test)]
mod tests;

pub use delivery::{Delivery, Hashers, Heard, NotJson};
pub use handshake::{Handshake, HandshakeRefusal, VerifyTokens};
pub use signature::{SignatureError, Signer, Verifier, sign};
