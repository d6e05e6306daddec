//! The first program: one event becomes one text message, printed. Run it again, and it is not sent
//! again.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use signalbus::{Event, Failure, Idempotency, Policy, Recipient, Signalbus, Templates};
use signalbus::{channel::Sms, provider::Console, sqlite::SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let builder = Signalbus::builder()
        .store(SqliteStore::open("notifications.db").await?)
        .channel(Sms::new(), Console::stdout())
        .templates(Templates::embedded(&[("signup/en/sms.txt", "Welcome!")])?)
        .policy(Policy::new().on::<Sms>("signup"));
    let signalbus = builder.start().await?;
    let ada = Recipient::new().sms("+447700900123");
    let event = Event::new("signup", Idempotency::key("ada")).to(ada);
    println!("{:?}", signalbus.publish(event).await?.verdict);
    signalbus.idle().await;
    signalbus.shutdown().await;
    Ok(())
}
