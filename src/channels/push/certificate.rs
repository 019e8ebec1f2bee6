//! The push certificate: a PKCS#12 file with a key, its certificate and perhaps a chain.

use chrono::DateTime;
use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as P12Error;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};

use super::PushConfigError;
use super::answers::down;
use crate::channels::trust;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::domain::words::foreign;

/// A PKCS#12 file larger than this is none of Apple's.
const P12_BYTES_MAX: usize = 1 << 20;
const CHAIN_MAX: usize = 8;
/// The subject attribute "UID", which holds a push certificate's topic.
const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

const RENEW: &str = "renew it at identity.apple.com/pushcert with the same Apple Account, so that the topic stays and no device is lost; \
                     then put the new file at push.certificate and restart";

/// A client certificate with its key, ready for TLS.
pub(super) struct ClientCertificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub facts: Facts,
}

/// What may be shown of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub name: String,
    pub topic: Option<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl ClientCertificate {
    /// Opens the file and finds the certificate that belongs to the key.
    ///
    /// # Errors
    /// Wrong password, no PKCS#12, no key, or no certificate for it.
    pub fn open(p12: &[u8], password: &SecretString) -> Result<Self, PushConfigError> {
        let bad = |what: &str, remedy: &str| PushConfigError::new(format!("push.certificate {what}"), remedy.to_owned());
        const EXPORT: &str = "export certificate and key together as a .p12 file";
        if p12.len() > P12_BYTES_MAX {
            return Err(bad("is larger than 1 MB", EXPORT));
        }
        let archive = Pkcs12Archive::from_pkcs12(p12, password.expose_secret()).map_err(|error| match error {
            P12Error::MacError(_) | P12Error::UnpadError | P12Error::Pkcs5Error(_) => {
                bad("does not open with this password", "check push.password")
            }
            _ => bad("is not a PKCS#12 file that can be read", EXPORT),
        })?;
        let certificates: Vec<CertificateDer<'static>> =
            archive.certs.iter().map(|bag| CertificateDer::from(bag.cert.as_der().to_vec())).collect();
        if archive.keys.is_empty() {
            return Err(bad("holds no private key", EXPORT));
        }
        let provider = trust::provider();
        for bag in &archive.keys {
            let key = || PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()));
            // Some tools leave out the ids that tie key and certificate together; their public keys don't lie.
            let leaf = certificates.iter().find(|c| CertifiedKey::from_der(vec![(*c).clone()], key(), &provider).is_ok());
            if let Some(leaf) = leaf {
                let facts = facts(leaf).ok_or_else(|| bad("holds a certificate that can't be read", EXPORT))?;
                return Ok(Self { chain: chain(leaf, &certificates), key: key(), facts });
            }
        }
        Err(bad("holds no certificate for its private key", EXPORT))
    }
}

impl Facts {
    /// # Errors
    /// The certificate is not valid at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), ChannelDown> {
        if now >= self.not_after {
            return Err(down(
                format!("the push certificate expired on {}", self.not_after.format("%Y-%m-%d")),
                RENEW.to_owned(),
                None,
            ));
        }
        if now < self.not_before {
            return Err(down(
                format!("the push certificate is only valid from {}", self.not_before.format("%Y-%m-%d")),
                "check this machine's clock".to_owned(),
                Some(Span::minutes(15)),
            ));
        }
        Ok(())
    }
}

/// The certificate and its issuers, as far as the file has them; a root is never sent.
fn chain(leaf: &CertificateDer<'static>, all: &[CertificateDer<'static>]) -> Vec<CertificateDer<'static>> {
    let names = |der: &CertificateDer<'_>| {
        let tbs = Certificate::from_der(der).ok()?.tbs_certificate;
        Some((tbs.subject.to_der().ok()?, tbs.issuer.to_der().ok()?))
    };
    let mut chain = vec![leaf.clone()];
    let mut issuer = names(leaf).map(|(_, issuer)| issuer);
    while let Some(wanted) = issuer.take() {
        let found = all.iter().find_map(|c| {
            let (subject, issued_by) = names(c)?;
            (subject == wanted && subject != issued_by && !chain.contains(c)).then_some((c, issued_by))
        });
        if let Some((certificate, issued_by)) = found.filter(|_| chain.len() < CHAIN_MAX) {
            chain.push(certificate.clone());
            issuer = Some(issued_by);
        }
    }
    chain
}

fn facts(der: &CertificateDer<'_>) -> Option<Facts> {
    let tbs = Certificate::from_der(der).ok()?.tbs_certificate;
    let attribute = |oid: ObjectIdentifier| {
        let attributes = tbs.subject.0.iter().flat_map(|set| set.0.iter());
        attributes.filter(|a| a.oid == oid).find_map(|a| std::str::from_utf8(a.value.value()).ok()).map(foreign)
    };
    let instant = |time: x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
        DateTime::from_timestamp(seconds, 0)
    };
    Some(Facts {
        name: attribute(COMMON_NAME).unwrap_or_else(|| "without a name".to_owned()),
        topic: attribute(UID),
        not_before: instant(tbs.validity.not_before).unwrap_or_else(|| from_millis(0)),
        not_after: instant(tbs.validity.not_after)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use p12_keystore::{
        Certificate as P12Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
    };
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    pub(crate) const TOPIC: &str = "com.apple.mgmt.External.0d9c2f1e-4a4b-4c58-9a53-6f2f5d1e0001";

    /// A CA for tests.
    pub(crate) struct Ca {
        pub certificate: rcgen::Certificate,
        pub issuer: Issuer<'static, KeyPair>,
    }

    pub(crate) fn ca(name: &str) -> Ca {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Ca { certificate, issuer: Issuer::new(params, key) }
    }

    fn p12(ca: &Ca, password: &str, last_year: i32, algorithm: EncryptionAlgorithm, mac: MacAlgorithm) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "APSP:0d9c2f1e");
        params.distinguished_name.push(DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]), TOPIC);
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ca.issuer).unwrap();
        let chain = PrivateKeyChain::new(
            "1",
            PrivateKey::from_der(key.serialized_der()).unwrap(),
            [&certificate, &ca.certificate].map(|c| P12Certificate::from_der(c.der()).unwrap()),
        );
        let mut store = KeyStore::new();
        store.add_entry("push", KeyStoreEntry::PrivateKeyChain(chain));
        store
            .writer(password)
            .encryption_algorithm(algorithm)
            .encryption_iterations(100)
            .mac_algorithm(mac)
            .mac_iterations(100)
            .write()
            .unwrap()
    }

    /// Valid from 2026 until the start of `last_year`.
    pub(crate) fn modern(ca: &Ca, password: &str, last_year: i32) -> Vec<u8> {
        p12(ca, password, last_year, EncryptionAlgorithm::PbeWithHmacSha256AndAes256, MacAlgorithm::HmacSha256)
    }

    #[test]
    fn the_topic_and_dates_are_read_from_old_and_new_files() {
        let ca = ca("Test CA");
        let legacy = p12(&ca, "secret", 2031, EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc, MacAlgorithm::HmacSha1);
        for file in [modern(&ca, "secret", 2031), legacy] {
            let opened = ClientCertificate::open(&file, &"secret".into()).unwrap();
            assert_eq!(opened.facts.topic.as_deref(), Some(TOPIC));
            assert_eq!(opened.facts.name, "APSP:0d9c2f1e");
            assert_eq!(opened.facts.not_after.to_rfc3339(), "2031-01-01T00:00:00+00:00");
            assert_eq!(opened.chain.len(), 1, "a root is not sent");
        }
    }

    #[test]
    fn an_expired_certificate_says_how_to_renew_it() {
        let facts = ClientCertificate::open(&modern(&ca("Test CA"), "x", 2031), &"x".into()).unwrap().facts;
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        assert_eq!(facts.check(at("2030-12-31T23:59:59Z")), Ok(()));
        let expired = facts.check(at("2031-01-01T00:00:00Z")).unwrap_err();
        assert_eq!(expired.what, "the push certificate expired on 2031-01-01");
        assert!(expired.remedy.contains("identity.apple.com/pushcert") && expired.retry_after.is_none());
        assert!(facts.check(at("2025-12-31T00:00:00Z")).unwrap_err().remedy.contains("clock"));
    }

    #[test]
    fn what_does_not_open_says_why() {
        let file = modern(&ca("Test CA"), "secret", 2031);
        let mut keyless = KeyStore::new();
        keyless.add_entry("ca", KeyStoreEntry::Certificate(P12Certificate::from_der(ca("Test CA").certificate.der()).unwrap()));
        let keyless = keyless.writer("x").encryption_iterations(100).mac_iterations(100).write().unwrap();
        for (file, password, said) in [
            (file.as_slice(), "wrong", "does not open with this password"),
            (b"hello".as_slice(), "x", "is not a PKCS#12 file"),
            (b"".as_slice(), "x", "is not a PKCS#12 file"),
            (keyless.as_slice(), "x", "holds no private key"),
        ] {
            let error = ClientCertificate::open(file, &password.into()).err().unwrap();
            assert!(error.what.contains(said), "{error:?}");
        }
    }

    #[test]
    fn a_file_cut_short_never_panics() {
        let file = modern(&ca("Test CA"), "x", 2031);
        for length in (0..file.len()).step_by(7) {
            assert!(ClientCertificate::open(&file[..length], &"x".into()).is_err());
        }
    }
}
