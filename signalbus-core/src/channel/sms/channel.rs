use super::{PhoneNumber, Segments, SenderError, SmsMessage, SmsOptions, sender, text};
use crate::{
    channel::{Channel, Compose, ComposeError, Part, PartKind},
    name::TenantId,
};

/// The channel for text messages: who sends them, and how long they may be.
///
/// A message is made of one template part, `sms.txt`.
///
/// ```
/// use signalbus::channel::Sms;
///
/// let sms = Sms::new().sender("ACME")?.max_segments(3);
/// # Ok::<_, signalbus::channel::sms::SenderError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sms {
    sender: Option<String>,
    max_segments: u32,
}

const TEXT: &str = "sms.txt";

impl Sms {
    /// The most segments unless [`Sms::max_segments`] says otherwise: ten, which is what most
    /// providers take. Each is paid for.
    pub const MAX_SEGMENTS: u32 = 10;

    /// Text messages from whatever sender the provider is set up with.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sender: None,
            max_segments: Self::MAX_SEGMENTS,
        }
    }

    /// Sets whom they are from: a name of at most 11 characters (`ACME`), a number
    /// (`+447700900123`) or a short code (`62626`). Not every country shows names.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn sender(mut self, sender: &str) -> Result<Self, SenderError> {
        self.sender = Some(sender::parse(sender)?);
        Ok(self)
    }

    /// Sets how many segments a message may have, at least one; see [`Segments`].
    #[must_use]
    pub fn max_segments(mut self, segments: u32) -> Self {
        self.max_segments = segments.max(1);
        self
    }
}

impl Default for Sms {
    fn default() -> Self {
        Self::new()
    }
}

impl Channel for Sms {
    const NAME: &'static str = "sms";
    const MESSAGE_VERSION: u16 = 2;
    const PARTS: &'static [Part] = &[Part {
        name: TEXT,
        kind: PartKind::Text,
        required: true,
        one_of: false,
    }];

    type Address = PhoneNumber;
    type Options = SmsOptions;
    type Message = SmsMessage;

    fn check_options(&self, _: &TenantId, options: &SmsOptions) -> Result<(), ComposeError> {
        options.check_media()?;
        options.sender().map(|_| ())
    }

    fn sender(&self, _: &TenantId, options: &SmsOptions) -> Option<String> {
        let named = options.sender().ok().flatten();
        named.or_else(|| self.sender.clone())
    }

    fn compose(&self, input: Compose<'_, Self>) -> Result<SmsMessage, ComposeError> {
        let sender = input.options.sender()?.or_else(|| self.sender.clone());
        let text = text::clean(TEXT, input.parts.text(TEXT))?;
        let Segments { encoding, count } = Segments::of(&text);
        if count > self.max_segments {
            let limit = self.max_segments;
            return Err(ComposeError::new(format!(
                "`{TEXT}` takes {count} segments as {encoding}; at most {limit} are allowed"
            )));
        }
        Ok(SmsMessage {
            sender,
            text,
            encoding,
            segments: count,
            media: input.options.media.clone(),
        })
    }
}
