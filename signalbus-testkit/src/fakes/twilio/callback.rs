use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{FakeTwilio, Text};
use crate::fakes::{Answered, call};

/// A signed form. Twilio signs the URL and the fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    /// The URL that is called and signed.
    pub url: String,
    /// The fields, in their order.
    pub fields: Vec<(String, String)>,
    /// The token it is signed with.
    pub token: String,
}

impl Callback {
    pub(super) fn status(
        account: &str,
        text: &Text,
        status: &str,
        code: Option<u32>,
    ) -> Option<Self> {
        let url = text.field("StatusCallback")?;
        let mut fields = vec![
            ("SmsSid", text.sid.clone()),
            ("SmsStatus", status.to_owned()),
            ("MessageStatus", status.to_owned()),
            ("To", text.field("To").unwrap_or_default().to_owned()),
            ("MessageSid", text.sid.clone()),
            ("AccountSid", account.to_owned()),
            ("From", text.field("From").unwrap_or_default().to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
        Some(Self::new(url, fields))
    }

    pub(super) fn inbound(
        account: &str,
        sid: &str,
        url: &str,
        from: &str,
        to: &str,
        body: &str,
    ) -> Self {
        let fields = [
            ("ToCountry", "US"),
            ("SmsMessageSid", sid),
            ("NumMedia", "0"),
            ("SmsSid", sid),
            ("SmsStatus", "received"),
            ("Body", body),
            ("To", to),
            ("NumSegments", "1"),
            ("MessageSid", sid),
            ("AccountSid", account),
            ("From", from),
            ("ApiVersion", "2010-04-01"),
        ];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        Self::new(url, fields.to_vec())
    }

    fn new(url: &str, fields: Vec<(&str, String)>) -> Self {
        // What stands behind the `#` is for Twilio itself.
        let url = url.split('#').next().unwrap_or_default();
        Self {
            url: url.to_owned(),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            token: FakeTwilio::TOKEN.to_owned(),
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs with another token.
    #[must_use]
    pub fn signed_with(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// The form.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&self.fields);
        form.finish().into_bytes()
    }

    /// The signature.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut sorted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &self.fields {
            sorted.entry(name).or_default().push(value);
        }
        let mut signed = self.url.clone();
        for (name, values) in &mut sorted {
            values.sort_unstable();
            values.dedup();
            for value in values {
                signed.push_str(name);
                signed.push_str(value);
            }
        }
        let mut mac = Hmac::<Sha1>::new_from_slice(self.token.as_bytes()).expect("any length");
        mac.update(signed.as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Posts it once, to the URL that is signed.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self) -> std::io::Result<Answered> {
        self.post_to(&self.url).await
    }

    /// Posts it to another URL than the one that is signed: what a proxy does.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_to(&self, url: &str) -> std::io::Result<Answered> {
        let signature = self.signature();
        let headers = [
            (
                "Content-Type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            ),
            ("X-Twilio-Signature", signature.as_str()),
        ];
        call(url, &headers, &self.body()).await
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.fields.iter().find(|(name, _)| name == "SmsStatus");
        f.debug_struct("Callback")
            .field("status", &status.map(|(_, status)| status))
            .finish_non_exhaustive()
    }
}
