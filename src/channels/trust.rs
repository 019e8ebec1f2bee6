//! Whom the HTTP and push channels trust: the machine's own root certificates, and one more anchor
//! where `site.toml` names one.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A certificate bundle larger than this is no trust anchor of a site.
const CA_BYTES_MAX: usize = 1 << 20;

/// Why the extra trust anchor, or the machine's own ones, can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

/// The one crypto provider of the program, without relying on the process-wide default.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Reads a trust anchor: one or more PEM certificates, or one in DER.
///
/// # Errors
/// There is no certificate in it.
pub(crate) fn anchors(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let bad = |what: &str| TrustError(format!("the extra CA is not usable: {what}"));
    if bytes.len() > CA_BYTES_MAX {
        return Err(bad("it is larger than 1 MB"));
    }
    let found = if bytes.windows(10).any(|w| w == b"-----BEGIN") {
        CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>().map_err(|_| bad("its PEM text is broken"))?
    } else {
        vec![CertificateDer::from(bytes.to_vec())]
    };
    let mut roots = RootCertStore::empty();
    for anchor in &found {
        roots.add(anchor.clone()).map_err(|_| bad("it holds something that is no CA certificate"))?;
    }
    if found.is_empty() {
        return Err(bad("there is no certificate in it"));
    }
    Ok(found)
}

/// A TLS client that trusts the machine's roots and `extra`; the client certificate comes next.
///
/// # Errors
/// Neither the machine nor `extra` has a root certificate.
pub(crate) fn client(
    extra: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TrustError> {
    let failed = |e: rustls::Error| TrustError(format!("the machine's root certificates can't be used: {e}"));
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider()).map_err(failed)?;
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous() // rustls' word for a verifier of one's own; this one checks as strictly as its own does
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

/// What a plain HTTP client gets: reading the machine's roots takes milliseconds that it has no use for.
///
/// # Errors
/// As [`client`].
pub(crate) fn http_client(url_is_tls: bool, extra: Option<&[u8]>) -> Result<ClientConfig, TrustError> {
    let extra = extra.map(anchors).transpose()?.unwrap_or_default();
    if url_is_tls {
        return Ok(client(extra)?.with_no_client_auth());
    }
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map(|b| b.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        .map_err(|e| TrustError(e.to_string()))
}

/// The TLS error inside a chain of causes, also where an I/O error wraps it.
pub(crate) fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    // A chain of causes is short; the bound only guards against one that runs in a circle.
    for _ in 0..16 {
        let here = next?;
        if let Some(tls) = here.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let wrapped = here.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => here.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ca() -> rcgen::Certificate {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn anchors_are_read_from_pem_and_der() {
        let (one, two) = (ca(), ca());
        assert_eq!(anchors(one.der()).unwrap().len(), 1);
        assert_eq!(anchors(format!("Sunnyside CA\n{}{}", one.pem(), two.pem()).as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_anchor_is_refused() {
        for bad in [
            &b""[..],
            b"hello",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n",
        ] {
            assert!(anchors(bad).is_err(), "{bad:?}");
        }
        assert!(anchors(&vec![0; CA_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_tls_error_is_found_inside_io_errors() {
        let tls = rustls::Error::NoCertificatesPresented;
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert_eq!(tls_cause(&wrapped), Some(&rustls::Error::NoCertificatesPresented));
        assert_eq!(tls_cause(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }
}
