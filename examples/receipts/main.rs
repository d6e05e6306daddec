//! The whole circle, mail and text: an event goes out, the provider calls back, the call is verified and
//! recorded, and what was learned holds for the next event. A timeline for each delivery at the end.
//!
//! ```console
//! $ cargo run -p signalbus-examples --features receipts --example receipts
//! ```
//!
//! By itself it runs against a fake Mailgun and a fake Twilio on this machine, which call back twice, out of
//! order, late, forged and replayed. With these set it sends one mail and one text through the real ones and
//! waits for their receipts:
//!
//! | variable | |
//! | --- | --- |
//! | `MAILGUN_URL` | `mailgun://KEY@mg.example.com` |
//! | `MAILGUN_SIGNING_KEY` | the key that webhooks are signed with |
//! | `MAIL_FROM`, `MAIL_TO` | whom the mail is from and goes to |
//! | `TWILIO_URL` | `twilio://ACCOUNT_SID:AUTH_TOKEN@+15005550006` |
//! | `TWILIO_AUTH_TOKEN` | what callbacks are signed with |
//! | `TEXT_TO` | whom the text goes to |
//! | `PUBLIC_URL` | where the public reaches `LISTEN`: set `PUBLIC_URL/receipts/mailgun/RECEIPT_KEY` at Mailgun |
//! | `RECEIPT_KEY` | the part of the URL that nobody can guess: 22 characters or more |
//! | `LISTEN` | `127.0.0.1:8080` |

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod fakes;
mod real;
mod setup;
mod timeline;

use signalbus::Failure;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match real::Settings::from_env()? {
        Some(settings) => real::run(settings).await,
        None => fakes::run().await,
    }
}
