//! Certificates for a day of simulation: one authority, a server on loopback, a pushing client.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A certificate and its key, PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate_pem: String,
    /// PKCS#8 of a P-256 key: the text also serves as a `.p8` file.
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    /// The same as a PKCS#12 file.
    ///
    /// # Errors
    /// The file can't be made; nothing of the key is in the text.
    pub fn p12(&self, password: &str) -> std::io::Result<Vec<u8>> {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
        let fault = |_| std::io::Error::other("the PKCS#12 file can't be made");
        let key = PrivateKey::from_der(&self.key).map_err(fault)?;
        let certificate = Certificate::from_der(&self.certificate).map_err(fault)?;
        let mut store = KeyStore::new();
        store.add_entry("push", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("push", key, [certificate])));
        store.writer(password).write().map_err(fault)
    }
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Anybody,
    /// Asked, and let in without: what a missing one means is decided by the request.
    Asked,
}

/// The authority that signs everything here.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub fn make() -> Result<Self, Fault> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "beckon simulated authority");
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    pub fn ca_pem(&self) -> String {
        self.pem.clone()
    }

    /// For a client of APNs; the name carries a topic as Apple's push certificates do.
    pub fn client_identity(&self) -> Result<Identity, Fault> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "APSP:simulated");
        let uid = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
        params.distinguished_name.push(uid, "com.apple.mgmt.External.simulated");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        })
    }

    /// A server on loopback that offers these application protocols.
    pub fn acceptor(&self, protocols: &[&[u8]], clients: Clients) -> Result<TlsAcceptor, Fault> {
        let key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "beckon simulation");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::Asked => {
                let mut roots = RootCertStore::empty();
                roots.add(self.certificate.clone())?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
            }
        };
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
