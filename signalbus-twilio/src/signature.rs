//! Twilio's signature: base64 of HMAC-SHA1 over the URL and, for forms, the fields ("Webhooks security",
//! 2026). Twilio signs no time, so there is nothing to be too old.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use signalbus_core::provider::CallbackError;
use subtle::ConstantTimeEq;

/// The auth token of an account, and the one before while it is being changed. Receipts are signed with
/// it, also when requests are made with an API key or OAuth.
#[derive(Clone)]
pub struct AuthTokens {
    current: SecretString,
    previous: Option<SecretString>,
}

impl AuthTokens {
    /// The auth token.
    #[must_use]
    pub fn new(current: impl Into<SecretString>) -> Self {
        Self {
            current: current.into(),
            previous: None,
        }
    }

    /// The token before, which is taken too.
    #[must_use]
    pub fn or_previous(mut self, previous: impl Into<SecretString>) -> Self {
        self.previous = Some(previous.into());
        self
    }

    /// Whether one of the tokens made this signature for one of these texts.
    fn made(&self, signature: &str, texts: &[String]) -> bool {
        let Ok(signature) = BASE64_STANDARD.decode(signature) else {
            return false;
        };
        let mut made = false;
        for token in std::iter::once(&self.current).chain(&self.previous) {
            for text in texts {
                let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes())
                else {
                    return false;
                };
                mac.update(text.as_bytes());
                // All are computed, whichever fits.
                made |= mac.verify_slice(&signature).is_ok();
            }
        }
        made
    }
}

/// Checks the signature of a form: `url` is the public URL that Twilio called, with its query as it was
/// called; `body` is the raw form. In constant time.
///
/// # Errors
/// [`CallbackError::Forged`] when no token made it.
pub fn verify_form(
    tokens: &AuthTokens,
    url: &str,
    body: &[u8],
    signature: &str,
) -> Result<(), CallbackError> {
    // Repeated fields are signed as the sorted set of their values.
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        let values = fields.entry(name.into_owned()).or_default();
        values.insert(value.into_owned());
    }
    let mut tail = String::new();
    for (name, values) in &fields {
        for value in values {
            tail.push_str(name);
            tail.push_str(value);
        }
    }
    let texts: Vec<String> = spellings(url).into_iter().map(|url| url + &tail).collect();
    if tokens.made(signature, &texts) {
        Ok(())
    } else {
        Err(CallbackError::Forged)
    }
}

/// Checks the signature of a body that is no form: its hash stands in the query as `bodySHA256`.
///
/// # Errors
/// [`CallbackError::Forged`] when no token made it, or the hash is not there or not that of the body.
pub fn verify_raw(
    tokens: &AuthTokens,
    url: &str,
    body: &[u8],
    signature: &str,
) -> Result<(), CallbackError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let said = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "bodySHA256")
        .map(|(_, value)| value.into_owned());
    let hash: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let same = said.is_some_and(|said| bool::from(said.as_bytes().ct_eq(hash.as_bytes())));
    if tokens.made(signature, &spellings(url)) & same {
        Ok(())
    } else {
        Err(CallbackError::Forged)
    }
}

/// The ways Twilio may have written a URL when it signed it: with or without the port of its scheme, and
/// with `'` in the query as it is or encoded.
fn spellings(url: &str) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    urls.extend(other_port(url));
    let quoted: Vec<String> = urls
        .iter()
        .filter_map(|url| {
            let (path, query) = url.split_once('?')?;
            if query.contains("%27") {
                Some(format!("{path}?{}", query.replace("%27", "'")))
            } else if query.contains('\'') {
                Some(format!("{path}?{}", query.replace('\'', "%27")))
            } else {
                None
            }
        })
        .collect();
    urls.extend(quoted);
    urls
}

/// The URL with the port of its scheme when it has none, and without when it has it.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if let Some(host) = host.strip_suffix(port) {
        return Some(format!("{scheme}://{host}{path}"));
    }
    // An IPv6 address has colons of its own.
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    (!has_port).then(|| format!("{scheme}://{host}{port}{path}"))
}

impl fmt::Debug for AuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthTokens")
            .field("previous", &self.previous.is_some())
            .finish_non_exhaustive()
    }
}
