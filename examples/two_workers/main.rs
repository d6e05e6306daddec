//! A publisher without a store, a worker for mail and a worker for text messages, as three engines
//! over one store and one bus. Each would be a process of its own.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use signalbus::{
    Builder, BusSetup, Event, Failure, Idempotency, MemoryStore, Policy, Recipient, Signalbus,
    Templates, TenantId, Topic,
    bus::MemoryBus,
    channel::{Email, Sms},
    provider::Console,
};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (store, bus) = (MemoryStore::new(), MemoryBus::new());
    let topic = Topic::new("notifications")?;
    let mail = || Email::from("Acme <hello@acme.example>");

    // Knows the channels, so that it can say what is wrong with an event; sends nothing.
    let publisher = common()?
        .without_store()
        .known_channel(mail()?)
        .known_channel(Sms::new())
        .bus_setup(BusSetup::new(bus.clone(), &topic))
        .build()?;
    // Each reads the bus and sends on one channel; what it reads of the other, the other sends.
    let mailer = common()?
        .store(store.clone())
        .channel(mail()?, Console::stdout())
        .known_channel(Sms::new())
        .bus_setup(BusSetup::new(bus.clone(), &topic).group("workers"))
        .start()
        .await?;
    let texter = common()?
        .store(store)
        .known_channel(mail()?)
        .channel(Sms::new(), Console::stdout())
        .bus_setup(BusSetup::new(bus, &topic).group("workers"))
        .start()
        .await?;

    let to = |name: &str| {
        let email = format!("{}@example.org", name.to_lowercase());
        Recipient::new().name(name).email(email)
    };
    let event = Event::new("order.shipped", Idempotency::key("order-4711"))
        .to(to("Ada").sms("+447700900123"))
        .to(to("Bob"))
        .data(serde_json::json!({ "order": 4711 }));
    let id = publisher.publish_to_bus(event).await?;

    let tenant = TenantId::default();
    let stored = loop {
        if let Some(event) = mailer.event(&tenant, id).await? {
            break event;
        }
        tokio::task::yield_now().await;
    };
    tokio::join!(mailer.idle(), texter.idle());
    for delivery in stored.deliveries {
        if let Some(story) = mailer.explain(&tenant, delivery.id).await? {
            print!("\n{story}");
        }
    }
    tokio::join!(mailer.shutdown(), texter.shutdown());
    Ok(())
}

/// What all three agree on.
fn common() -> Result<Builder, Failure> {
    let templates = Templates::embedded(&[
        (
            "order.shipped/en/subject.txt",
            "Order {{ data.order }} is on its way",
        ),
        (
            "order.shipped/en/body.txt",
            "Dear {{ recipient.name }}, your parcel has left.",
        ),
        (
            "order.shipped/en/sms.txt",
            "Order {{ data.order }} is on its way",
        ),
    ])?;
    let policy = Policy::new().on::<Email>("order.*").on::<Sms>("order.*");
    Ok(Signalbus::builder().templates(templates).policy(policy))
}
