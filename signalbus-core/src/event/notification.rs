use serde::Serialize;

use super::{Class, Idempotency};

/// A Rust type that is the data of an event, and names its topic and how its key is derived.
///
/// ```
/// use serde::Serialize;
/// use signalbus::event::{Event, Idempotency, Notification, Recipient};
///
/// #[derive(Serialize)]
/// struct InvoicePaid {
///     invoice_id: u64,
///     amount: String,
/// }
///
/// impl Notification for InvoicePaid {
///     const TOPIC: &'static str = "invoice.paid";
///
///     fn idempotency(&self) -> Idempotency {
///         Idempotency::fields(["invoice_id"])
///     }
/// }
///
/// let event = Event::of(&InvoicePaid { invoice_id: 88213, amount: "12.50 EUR".into() })?
///     .to(Recipient::new().email("ada@example.org"));
/// # Ok::<_, serde_json::Error>(())
/// ```
pub trait Notification: Serialize {
    /// The topic of every such event.
    const TOPIC: &'static str;
    /// How urgent every such event is.
    const CLASS: Class = Class::Standard;

    /// How a repeated publish is recognised.
    fn idempotency(&self) -> Idempotency;
}
