//! The policy for client certificates in the TLS handshake.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::tls_error::TlsError;

/// Policy for client certificates.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates {
    /// Whether the handshake rejects clients without a certificate.
    pub required: bool,
    /// CA certificates, one of which must have signed it, as PEM. `None` accepts any certificate.
    pub authority: Option<String>,
    /// Subject alternative names, one of which it must have. If empty, any is accepted.
    pub allowed_sans: Vec<String>,
    /// The common name that it must have. `None` accepts any.
    pub common_name: Option<String>,
}

/// The client certificate of a connection. Invalid certificates fail in the handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    /// Whether the client has a certificate.
    pub has_certificate: bool,
    /// The client's address: the socket's peer, or the address that a trusted proxy sends.
    pub address: Option<IpAddr>,
}

#[derive(Debug)]
pub(super) struct ClientVerifier {
    asked: ClientCertificates,
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<dyn ClientCertVerifier>>,
}

impl ClientVerifier {
    pub fn new(asked: ClientCertificates, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let chain = match &asked.authority {
            Some(pem) => Some(chain_verifier(pem, Arc::clone(&provider))?),
            None => None,
        };
        Ok(Self {
            asked,
            provider,
            chain,
        })
    }
}

fn chain_verifier(
    pem: &str,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| TlsError::Authority)?;
        roots.add(certificate).map_err(|_| TlsError::Authority)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    builder.build().map_err(|_| TlsError::Authority)
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.asked.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let chain = self.chain.as_ref();
        chain.map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(end_entity, intermediates, now)?;
        }
        let (_, certificate) = X509Certificate::from_der(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let has_name = has_common_name(&certificate, self.asked.common_name.as_deref());
        if has_name && has_alternative_name(&certificate, &self.asked.allowed_sans) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn has_common_name(certificate: &X509Certificate<'_>, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| {
        let mut names = certificate.subject().iter_common_name();
        names.any(|name| name.as_str() == Ok(wanted))
    })
}

/// Compares each kind of name in its exporter-toolkit text form.
fn has_alternative_name(certificate: &X509Certificate<'_>, allowed: &[String]) -> bool {
    if allowed.is_empty() {
        return true;
    }
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return false;
    };
    let texts = extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
                Some((*text).to_owned())
            }
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        });
    texts.into_iter().any(|text| allowed.contains(&text))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}
