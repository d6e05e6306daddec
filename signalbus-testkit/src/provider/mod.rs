//! Providers for tests: they send nothing and remember everything.
//!
//! [`RecordingProvider`] takes every message. [`ScriptedProvider`] does what the test says: refuse,
//! stall, lose the answer, panic. Both keep [`Books`]: what arrived and how it ended, written down
//! independently of the engine, so that a test can compare the two.
//!
//! # Test your notifications
//!
//! Set up the engine as your program does, with a recording provider in place of the real one;
//! do what should notify somebody; look at the books:
//!
//! ```
//! use signalbus::{
//!     Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus, Templates, channel::Sms,
//! };
//! use signalbus_testkit::provider::RecordingProvider;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = RecordingProvider::<Sms>::new();
//! let signalbus = Signalbus::builder()
//!     .store(MemoryStore::new())
//!     .channel(Sms::new(), provider.clone())
//!     .policy(Policy::new().on::<Sms>("auth.code"))
//!     .templates(Templates::new().part("auth.code", "en", "sms.txt", "{{ data.code }}")?)
//!     .start()
//!     .await?;
//!
//! let event = Event::new("auth.code", Idempotency::None)
//!     .to(Recipient::new().sms("+447700900123"))
//!     .data(serde_json::json!({ "code": "123456" }));
//! signalbus.publish(event).await?;
//!
//! let sent = provider.books().until_sent(1).await;
//! assert_eq!(sent[0].address, "+447700900123");
//! assert_eq!(sent[0].message::<Sms>().text, "123456");
//! # signalbus.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod books;
mod check;
mod play;
mod recording;
mod request;
mod script;
mod scripted;
#[cfg(test)]
mod tests;

pub use books::Books;
pub use play::Play;
pub use recording::RecordingProvider;
pub use request::{Ending, Moment, Request};
pub use scripted::ScriptedProvider;
