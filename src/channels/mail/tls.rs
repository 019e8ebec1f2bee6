//! TLS for mail: trusted, or merely encrypted.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::UnusableConfig;
use super::wire::{Stream, in_time};

/// Whom to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A certificate for the host's name from the system's authorities or the site's extra one.
    Verified,
    /// Anybody: better than sending in the clear, and no more. Mail exchangers can't do better
    /// without DANE or MTA-STS (RFC 7435), so insisting would only lose mail.
    Anybody,
}

pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    extra: Vec<CertificateDer<'static>>,
    /// Reading the system's authorities takes milliseconds: at the first use, then kept.
    verified: OnceLock<Result<Arc<ClientConfig>, String>>,
    anybody: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    pub fn new(extra_ca: Option<&[u8]>) -> Result<Self, UnusableConfig> {
        let extra = extra_ca.map(read_certificates).transpose()?.unwrap_or_default();
        Ok(Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            extra,
            verified: OnceLock::new(),
            anybody: OnceLock::new(),
        })
    }

    /// Puts TLS on a connection.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn wrap(&self, tcp: TcpStream, host: &str, trust: Trust, within: Duration) -> Result<Stream, String> {
        let config = match trust {
            Trust::Verified => self.verified.get_or_init(|| self.verified_config()),
            Trust::Anybody => self.anybody.get_or_init(|| self.anybody_config()),
        };
        let config = config.clone()?;
        let name = ServerName::try_from(host.trim_end_matches('.').to_owned())
            .map_err(|_| format!("\"{host}\" is not a name that a certificate can be for"))?;
        let handshake = async { TlsConnector::from(config).connect(name, tcp).await };
        let tls = in_time(within, handshake).await.map_err(|e: io::Error| e.to_string())?;
        Ok(Stream::Tls(Box::new(tls)))
    }

    fn verified_config(&self) -> Result<Arc<ClientConfig>, String> {
        let verifier =
            rustls_platform_verifier::Verifier::new_with_extra_roots(self.extra.iter().cloned(), Arc::clone(&self.provider))
                .map_err(|e| e.to_string())?;
        self.config(Arc::new(verifier))
    }

    fn anybody_config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config(Arc::new(AnyCertificate(Arc::clone(&self.provider))))
    }

    fn config(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, String> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn read_certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, UnusableConfig> {
    let bad = |what: String| UnusableConfig(format!("the extra certificate authority can't be used: {what}"));
    let certificates: Vec<CertificateDer<'static>> = if bytes.windows(11).any(|w| w == b"-----BEGIN ") {
        CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))?
    } else {
        vec![CertificateDer::from(bytes.to_vec())]
    };
    if certificates.is_empty() {
        return Err(bad("the file holds no certificate".to_owned()));
    }
    let mut store = rustls::RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|e| bad(e.to_string()))?;
    }
    Ok(certificates)
}

/// Takes any certificate, but still checks that the far side holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_authority_is_checked_when_the_channel_is_made() {
        let made = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        assert!(Tls::new(Some(made.cert.pem().as_bytes())).is_ok());
        assert!(Tls::new(Some(made.cert.der())).is_ok());
        for bad in [&b""[..], b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(Tls::new(Some(bad)).is_err());
        }
    }
}
