use std::{borrow::Cow, collections::BTreeMap, fmt};

use async_trait::async_trait;
use signalbus_core::{
    name::{NameError, ProviderName},
    provider::{Callback, CallbackError, Heard, Inbound, Intent, ReceiptSource, Report},
    store::{Bounce, Cause, ReceiptKind},
};

use crate::{AuthTokens, Class, Code, Keywords, correlation, verify_form, verify_raw};

/// How Twilio's callbacks are verified.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReceiptsConfig {
    /// The auth token.
    pub tokens: AuthTokens,
    /// Scheme, host and, if it has one, port that Twilio calls: `https://notify.example.com`. What proxies
    /// say of it is not asked.
    pub public_origin: String,
    /// A path that proxies take away before the request comes here, if they do.
    pub stripped_path: String,
    /// The name of the provider whose texts it is about: `twilio` by default.
    pub provider: String,
    /// Words by which people stop and start.
    pub keywords: Keywords,
    /// Whether Twilio itself answers stop, start and help words: on by default, as for numbers and services
    /// that are not set up otherwise. Off, the texts below are answered with.
    pub twilio_answers: bool,
    /// What somebody is told who stops.
    pub on_stop: Option<String>,
    /// What somebody is told who starts again.
    pub on_start: Option<String>,
    /// What somebody is told who asks for help.
    pub on_help: Option<String>,
}

/// Verifies and reads what Twilio calls back with: the status of texts, and texts to us.
///
/// ```
/// use signalbus_twilio::{AuthTokens, ReceiptsConfig, TwilioReceipts};
///
/// let tokens = AuthTokens::new("the auth token");
/// let config = ReceiptsConfig::new(tokens, "https://notify.example.com");
/// let receipts = TwilioReceipts::new(config)?;
/// # Ok::<_, signalbus_core::name::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TwilioReceipts {
    provider: ProviderName,
    config: ReceiptsConfig,
}

impl ReceiptsConfig {
    /// This token, and the origin that Twilio calls, for the provider named `twilio`.
    #[must_use]
    pub fn new(tokens: AuthTokens, public_origin: impl Into<String>) -> Self {
        let origin: String = public_origin.into();
        Self {
            tokens,
            public_origin: origin.trim_end_matches('/').to_owned(),
            stripped_path: String::new(),
            provider: "twilio".to_owned(),
            keywords: Keywords::default(),
            twilio_answers: true,
            on_stop: None,
            on_start: None,
            on_help: None,
        }
    }

    /// Sets a path that proxies take away before the request comes here.
    #[must_use]
    pub fn stripped_path(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        path.trim_end_matches('/')
            .clone_into(&mut self.stripped_path);
        self
    }

    /// Sets the name of the provider whose texts it is about.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = name.into();
        self
    }

    /// Sets the words by which people stop and start.
    #[must_use]
    pub fn keywords(mut self, keywords: Keywords) -> Self {
        self.keywords = keywords;
        self
    }

    /// Answers stop, start and help words with these texts, where Twilio does not. The answer goes out
    /// with the response to Twilio, so that it is exempt from the stop it confirms.
    #[must_use]
    pub fn answers(
        mut self,
        on_stop: impl Into<String>,
        on_start: impl Into<String>,
        on_help: impl Into<String>,
    ) -> Self {
        self.twilio_answers = false;
        self.on_stop = Some(on_stop.into());
        self.on_start = Some(on_start.into());
        self.on_help = Some(on_help.into());
        self
    }
}

impl TwilioReceipts {
    /// A source of receipts of this configuration.
    ///
    /// # Errors
    /// When the name is not one a provider can have.
    pub fn new(config: ReceiptsConfig) -> Result<Self, NameError> {
        Ok(Self {
            provider: ProviderName::new(&config.provider)?,
            config,
        })
    }

    fn verify(&self, request: &Callback<'_>) -> Result<(), CallbackError> {
        let signature = request
            .header("x-twilio-signature")
            .ok_or(CallbackError::Forged)?;
        let ReceiptsConfig {
            tokens,
            public_origin,
            stripped_path,
            ..
        } = &self.config;
        let url = format!("{public_origin}{stripped_path}{}", request.target);
        if is_form(request) {
            verify_form(tokens, &url, request.body, signature)
        } else {
            verify_raw(tokens, &url, request.body, signature)
        }
    }
}

fn is_form(request: &Callback<'_>) -> bool {
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[async_trait]
impl ReceiptSource for TwilioReceipts {
    fn provider(&self) -> &ProviderName {
        &self.provider
    }

    async fn read(&self, request: &Callback<'_>) -> Result<Heard, CallbackError> {
        if request.method != "POST" {
            return Err(CallbackError::Unsupported);
        }
        self.verify(request)?;
        if !is_form(request) {
            return Err(CallbackError::Unsupported);
        }
        let fields: BTreeMap<Cow<'_, str>, Cow<'_, str>> =
            url::form_urlencoded::parse(request.body).collect();
        let field = |name: &str| fields.get(name).map(AsRef::as_ref);
        let sid = field("MessageSid")
            .or_else(|| field("SmsSid"))
            .ok_or_else(|| CallbackError::Malformed("there is no message SID".into()))?;
        let status = field("MessageStatus").or_else(|| field("SmsStatus"));
        match status {
            Some("received" | "receiving") | None if field("Body").is_some() => {
                Ok(Heard::inbound(self.inbound(sid, field)))
            }
            Some(status) => Ok(Heard::report(report(sid, status, request, field))),
            None => Err(CallbackError::Malformed("there is no status".into())),
        }
    }

    /// TwiML for a text to us; nothing for a status.
    fn reply(&self, heard: &Heard) -> Option<(&'static str, String)> {
        let inbound = heard.inbound.as_ref()?;
        let config = &self.config;
        let text = match inbound.intent {
            Intent::Stop => &config.on_stop,
            Intent::Start => &config.on_start,
            Intent::Help => &config.on_help,
            _ => &None,
        };
        let twiml = match text {
            Some(text) if !inbound.answered => {
                format!("<Response><Message>{}</Message></Response>", escape(text))
            }
            _ => "<Response/>".to_owned(),
        };
        Some((
            "text/xml",
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{twiml}"),
        ))
    }
}

impl TwilioReceipts {
    fn inbound<'a>(&self, sid: &str, field: impl Fn(&str) -> Option<&'a str>) -> Inbound {
        let said = |name| field(name).unwrap_or_default();
        let mut inbound = Inbound::new(sid, said("From"), said("To"), said("Body"));
        // A messaging service says what it took the text for; then it has answered, too.
        let by_service = match field("OptOutType") {
            Some("STOP") => Some(Intent::Stop),
            Some("START") => Some(Intent::Start),
            Some("HELP") => Some(Intent::Help),
            _ => None,
        };
        inbound.intent = by_service.unwrap_or_else(|| self.config.keywords.intent(&inbound.text));
        inbound.answered = by_service.is_some() || self.config.twilio_answers;
        inbound
    }
}

/// What a status says about its message. Twilio says no time, so that the ladder alone orders them.
fn report<'a>(
    sid: &str,
    status: &str,
    request: &Callback<'_>,
    field: impl Fn(&str) -> Option<&'a str>,
) -> Report {
    let kind = match status {
        "sending" | "sent" => ReceiptKind::Sent,
        "delivered" => ReceiptKind::Delivered,
        "undelivered" | "failed" => ReceiptKind::Bounced,
        "read" => ReceiptKind::Opened,
        other => ReceiptKind::Other(short(other)),
    };
    let failed = kind == ReceiptKind::Bounced;
    let mut report = Report::new(kind, short(&format!("{sid}:{status}")));
    let query = request.query().unwrap_or_default();
    let ours = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == correlation::FIELD)
        .and_then(|(_, value)| correlation::read(&value));
    if let Some((tenant, delivery, generation)) = ours {
        report.tenant = Some(tenant);
        report.delivery = Some(delivery);
        report.generation = generation;
    }
    report.message = Some(sid.to_owned());
    report.address = field("To").map(str::to_owned);
    report.code = field("ErrorCode")
        .filter(|code| !code.is_empty())
        .map(short);
    if failed {
        let code = report.code.as_deref().and_then(|code| code.parse().ok());
        let known = code.and_then(Code::of);
        report.detail = known.map(|code| code.message.to_owned());
        // What is not known is no reason to write a person off.
        report.bounce = Some(known.map_or(Bounce::Soft, |code| code.class.bounce()));
        match known.map(|code| code.class) {
            Some(Class::OptedOut) => {
                report.suppress = Some(Cause::Unsubscribed);
                report.sender = field("From").map(str::to_owned);
            }
            Some(Class::BadRecipient) => report.suppress = Some(Cause::Bounced),
            _ => {}
        }
    }
    report
}

/// At most 100 characters of a word that comes from outside.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

fn escape(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').fold(
        String::with_capacity(text.len()),
        |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                c => out.push(c),
            }
            out
        },
    )
}

impl fmt::Debug for ReceiptsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiptsConfig")
            .field("provider", &self.provider)
            .field("public_origin", &self.public_origin)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
