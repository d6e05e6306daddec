//! Text messages.

mod channel;
mod digits;
mod message;
mod number;
mod numbering;
mod options;
mod segments;
mod sender;
#[cfg(test)]
mod tests;
mod text;

pub use channel::Sms;
pub use message::SmsMessage;
pub use number::PhoneNumber;
pub use options::SmsOptions;
pub use segments::{Encoding, Segments};
pub use sender::SenderError;
