//! A mail server that does what the test says.
//!
//! It speaks real SMTP on a port of its own, over TCP or TLS, and at each step answers, waits or
//! hangs up by its script. It keeps books of what it really received.
//!
//! ```
//! use signalbus_testkit::smtp::{Act, ServerOptions, SmtpServer, Step};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let server = SmtpServer::start(ServerOptions::new()).await;
//! server.once(Step::Recipient, Act::reply("550 5.1.1 no such user"));
//! // … send to `server.port()`, and then:
//! assert_eq!(server.mails().len(), 0);
//! # }
//! ```

mod authority;
mod books;
mod connection;
mod options;
mod script;
mod server;
mod stream;

pub use authority::{Authority, Identity};
pub use books::{Mail, Visit};
pub use options::{ServerOptions, ServerTls};
pub use script::{Act, Step};
pub use server::SmtpServer;
