mod describe;
#[cfg(feature = "email")]
mod email;
mod printer;
#[cfg(feature = "sms")]
mod sms;

use std::{
    fmt, io, panic,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
pub use describe::{Describe, Description};
use printer::{PrintError, Printer};

use super::{Capabilities, Delivery, Fault, Provider, SendError, Sent};
use crate::{channel::Address, name::ProviderName};

/// Prints messages instead of sending them: for development only, as it shows addresses and
/// content to whoever sees the output.
///
/// One console serves every channel that can [`Describe`] its messages. Clones print to the same
/// place, one whole message after the other:
///
/// ```
/// use signalbus::{
///     Event, Idempotency, Policy, Recipient, Signalbus, Templates, channel::Sms, provider::Console,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signalbus = Signalbus::builder()
///     .in_memory()
///     .channel(Sms::new(), Console::stdout())
///     .templates(Templates::new().part("parcel.here", "en", "sms.txt", "It is at the door")?)
///     .policy(Policy::new().on::<Sms>("parcel.*"))
///     .start()
///     .await?;
/// let ada = Recipient::new().sms("+44 7700 900123");
/// signalbus.publish(Event::new("parcel.here", Idempotency::key("7")).to(ada)).await?;
/// signalbus.idle().await;
/// # signalbus.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// It prints:
///
/// ```text
/// === sms to +447700900123
/// delivery  019a…, attempt 1
/// event     019a…
/// tenant    default
/// segments  1
/// text
///   | It is at the door
/// ```
///
/// Nothing in a message can imitate the lines around it or command a terminal: text is indented,
/// and control characters and marks that are not seen are written as `\u{1b}`.
///
/// A message that could not be printed at all is tried again; one that was cut off by an error,
/// or could not be flushed, counts as unknown. A repeat is printed again.
#[derive(Clone)]
pub struct Console {
    name: Option<ProviderName>,
    printer: Arc<Mutex<Printer>>,
}

impl Console {
    /// Prints to standard output, under the name `console`.
    #[must_use]
    pub fn stdout() -> Self {
        Self::with(Printer::stdout())
    }

    /// Prints to `writer`, under the name `console`: to standard error, a file, a test's buffer.
    /// Each message is one write if the writer takes it whole, and is flushed before the send
    /// counts as accepted. The writer may block; it is used on tokio's threads for that.
    #[must_use]
    pub fn new(writer: impl io::Write + Send + 'static) -> Self {
        Self::with(Printer::new(writer))
    }

    fn with(printer: Printer) -> Self {
        Self {
            name: None,
            printer: Arc::new(Mutex::new(printer)),
        }
    }

    /// Sets the name in history, logs and metrics.
    #[must_use]
    pub fn with_name(mut self, name: ProviderName) -> Self {
        self.name = Some(name);
        self
    }
}

#[async_trait]
impl<C: Describe> Provider<C> for Console {
    fn name(&self) -> &str {
        self.name.as_ref().map_or("console", ProviderName::as_str)
    }

    /// One at a time: there is one place to print to.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_concurrency(1)
            .reporting_start()
    }

    /// Dropped while it prints, the whole message is printed nevertheless.
    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        let page = page(&delivery);
        let printer = Arc::clone(&self.printer);
        let print = move || {
            let mut printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
            printer.print(&page)
        };
        delivery.request_started();
        match tokio::task::spawn_blocking(print).await {
            Ok(printed) => printed.map(|()| Sent::new()).map_err(SendError::from),
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => panic::resume_unwind(panic),
                Err(_) => Err(SendError::retryable(
                    Fault::Provider,
                    "the runtime is shutting down",
                )),
            },
        }
    }
}

/// What is printed for a delivery.
fn page<C: Describe>(delivery: &Delivery<'_, C>) -> String {
    let mut page = Description::new(C::NAME, delivery.to.as_str());
    let try_of = match delivery.generation {
        0 => String::new(),
        generation => format!(" of redrive {generation}"),
    };
    page.field(
        "delivery",
        &format!("{}, attempt {}{try_of}", delivery.id, delivery.attempt),
    );
    page.field("event", &delivery.event.to_string());
    page.field("tenant", delivery.tenant.as_str());
    C::describe(delivery.message, &mut page);
    page.into_text()
}

impl From<PrintError> for SendError {
    fn from(error: PrintError) -> Self {
        match error {
            PrintError::Nothing(error) => {
                Self::retryable(Fault::Provider, "the console takes no output").with_source(error)
            }
            PrintError::Part(error) => {
                Self::unknown("the console took only a part of the message").with_source(error)
            }
            PrintError::Unflushed(error) => {
                Self::unknown("the console did not confirm its output").with_source(error)
            }
        }
    }
}

impl fmt::Debug for Console {
    /// Shows nothing that was printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
