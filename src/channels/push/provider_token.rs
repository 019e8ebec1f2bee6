//! Provider tokens: a JWT signed with ES256 that stands in for a client certificate.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::PushConfigError;
use super::answers::{TOKEN_PACE, down};
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp};

/// Apple refuses tokens older than an hour, and renewals more often than every twenty minutes.
const RENEW_AFTER: Span = Span::minutes(40);

/// Signs and keeps the token in use.
pub(super) struct ProviderTokens {
    pub key_id: String,
    pub team_id: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
    current: Mutex<Option<Issued>>,
}

#[derive(Clone)]
struct Issued {
    at: Timestamp,
    bearer: HeaderValue,
}

impl ProviderTokens {
    /// # Errors
    /// The key is no PKCS#8 key on P-256, or the ids aren't Apple's.
    pub fn new(p8: &SecretString, key_id: String, team_id: String) -> Result<Self, PushConfigError> {
        for (name, id) in [("push.key_id", &key_id), ("push.team_id", &team_id)] {
            if id.is_empty() || id.len() > 32 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(PushConfigError::new(
                    format!("{name} is not an id of Apple's"),
                    format!("{name} has ten letters and digits, as shown beside the key in the developer account"),
                ));
            }
        }
        let bad = || {
            PushConfigError::new(
                "push.key is not a signing key for APNs".to_owned(),
                "give the AuthKey_….p8 file of the developer account as it was downloaded".to_owned(),
            )
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(p8.expose_secret().as_bytes()).map_err(|_| bad())?;
        let random = SystemRandom::new();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random).map_err(|_| bad())?;
        Ok(Self { key_id, team_id, key, random, current: Mutex::new(None) })
    }

    /// The header value to send now; signed again when the last one is forty minutes old, or from the
    /// future because the clock was set back.
    ///
    /// # Errors
    /// The machine has no randomness to sign with.
    pub fn bearer(&self, now: Timestamp) -> Result<HeaderValue, ChannelDown> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issued) = current.as_ref() {
            let age = now.signed_duration_since(issued.at);
            if age >= Span::zero() && age < RENEW_AFTER {
                return Ok(issued.bearer.clone());
            }
        }
        let bearer = self.sign(now)?;
        *current = Some(Issued { at: now, bearer: bearer.clone() });
        Ok(bearer)
    }

    /// After APNs called `refused` too old: whether another token is there to try. Many streams hear
    /// it at once, and only the first makes a new one.
    pub fn replace(&self, refused: &HeaderValue, now: Timestamp) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.as_ref() {
            Some(issued) if issued.bearer != *refused => true,
            // Renewing a young token would only bring TooManyProviderTokenUpdates: the clock is wrong.
            Some(issued) if now.signed_duration_since(issued.at) < TOKEN_PACE => false,
            _ => {
                *current = None;
                true
            }
        }
    }

    fn sign(&self, now: Timestamp) -> Result<HeaderValue, ChannelDown> {
        let failed = || down("the provider token can't be signed".to_owned(), "check push.key".to_owned(), None);
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(serde_json::json!({ "alg": "ES256", "kid": self.key_id }));
        let claims = part(serde_json::json!({ "iss": self.team_id, "iat": now.timestamp() }));
        let signed = format!("{head}.{claims}");
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(|_| failed())?;
        let mut bearer = HeaderValue::from_str(&format!("bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
            .map_err(|_| failed())?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::time::from_millis;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};

    pub(crate) fn p8() -> SecretString {
        rcgen::KeyPair::generate().unwrap().serialize_pem().into()
    }

    pub(crate) fn tokens() -> ProviderTokens {
        ProviderTokens::new(&p8(), "ABC123DEFG".into(), "TEAM123456".into()).unwrap()
    }

    fn at(minutes: i64) -> Timestamp {
        from_millis(1_900_000_000_000) + Span::minutes(minutes)
    }

    #[test]
    fn the_token_is_signed_and_says_who_and_when() {
        let tokens = tokens();
        let bearer = tokens.bearer(at(0)).unwrap();
        assert!(bearer.is_sensitive());
        let jwt = bearer.to_str().unwrap().strip_prefix("bearer ").unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, tokens.key.public_key().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let json = |part: &str| serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        assert_eq!(json(head), serde_json::json!({ "alg": "ES256", "kid": "ABC123DEFG" }));
        assert_eq!(json(claims), serde_json::json!({ "iss": "TEAM123456", "iat": 1_900_000_000 }));
    }

    #[test]
    fn a_token_lives_forty_minutes_and_not_into_the_past() {
        let tokens = tokens();
        let first = tokens.bearer(at(0)).unwrap();
        assert_eq!(tokens.bearer(at(39)).unwrap(), first);
        let second = tokens.bearer(at(40)).unwrap();
        assert_ne!(second, first);
        assert_ne!(tokens.bearer(at(-60)).unwrap(), second);
    }

    #[test]
    fn a_refused_token_is_replaced_once_and_not_too_often() {
        let tokens = tokens();
        let first = tokens.bearer(at(0)).unwrap();
        assert!(!tokens.replace(&first, at(19)));
        assert!(tokens.replace(&first, at(21)));
        let second = tokens.bearer(at(21)).unwrap();
        assert!(tokens.replace(&first, at(21)), "another stream has replaced it");
        assert_eq!(tokens.bearer(at(21)).unwrap(), second);
    }

    #[test]
    fn what_is_no_key_or_id_is_refused_with_a_remedy() {
        let new = |p8: &str, key: &str, team: &str| ProviderTokens::new(&p8.into(), key.into(), team.into());
        let good = p8();
        for (p8, key, team, said) in [
            ("", "ABC123DEFG", "TEAM123456", "push.key is"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "ABC123DEFG", "TEAM123456", "push.key is"),
            (good.expose_secret(), "", "TEAM123456", "push.key_id"),
            (good.expose_secret(), "ABC123DEFG", "TEAM 1\"", "push.team_id"),
        ] {
            let error = new(p8, key, team).err().unwrap();
            assert!(error.what.contains(said), "{error:?}");
        }
    }
}
