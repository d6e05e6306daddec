//! An engine that has something to do: providers that fail now and then, receipts, complaints, a
//! template that is broken. What it shows is what dashboards and rules are tested against.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus::{
    BuildError, BusSetup, Channel, ChannelSetup, Entropy, Event, Idempotency, Policy, Provider,
    ProviderName, Published, Recipient, RetryPolicy, Signalbus, Store, Templates, TenantId, Topic,
    async_trait,
    bus::{Bus as _, Envelope, Headers, MemoryBus},
    channel::{Email, Sms},
    http::{Endpoint, ReceiptIntake, ReceiptKey},
    provider::{
        Callback, CallbackError, Capabilities, Delivery, Fault, Heard, ReceiptSource, Report,
        SendError, Sent,
    },
    store::{Cause, ReceiptKind},
};

/// What is read from the bus.
const TOPIC: &str = "events";

/// A provider that takes most messages, after a while.
#[derive(Debug)]
struct Moody {
    name: &'static str,
    calls: AtomicU64,
}

impl Moody {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            calls: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for Moody {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().reporting_start()
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        delivery.request_started();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1 + call % 20)).await;
        match call % 40 {
            7 => Err(SendError::retryable(Fault::Recipient, "busy")),
            13 => Err(SendError::permanent(Fault::Message, "too strange").with_code("550")),
            29 => Err(SendError::unknown("no answer")),
            _ => Ok(Sent::new()),
        }
    }
}

/// Callbacks of the form `kind id delivery`, or forged ones.
#[derive(Debug)]
struct Words(ProviderName);

#[async_trait]
impl ReceiptSource for Words {
    fn provider(&self) -> &ProviderName {
        &self.0
    }

    async fn read(&self, request: &Callback<'_>) -> Result<Heard, CallbackError> {
        let text = std::str::from_utf8(request.body).map_err(|_| CallbackError::Forged)?;
        let mut words = text.split(' ');
        let (Some(kind), Some(id), Some(delivery)) = (words.next(), words.next(), words.next())
        else {
            return Err(CallbackError::Forged);
        };
        let mut report = Report::new(ReceiptKind::from(kind.to_owned()), id);
        report.delivery = delivery.parse().ok();
        report.address = words.next().map(str::to_owned);
        report.suppress = report.address.is_some().then_some(Cause::Complained);
        Ok(Heard::report(report))
    }
}

/// An engine under load.
#[derive(Debug)]
pub struct Load {
    signalbus: Signalbus,
    receipts: ReceiptIntake,
    key: String,
    bus: MemoryBus,
    /// So that a second run on the same store publishes anew.
    run: u64,
    published: AtomicU64,
}

impl Load {
    /// An engine on this store, started. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the engine cannot be built.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(store: Arc<dyn Store>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let entropy = Entropy::from_os();
        let mut run = [0; 8];
        entropy.fill(&mut run);
        let run = u64::from_le_bytes(run);
        // What a store knows of one bus in memory is nothing to the next.
        let bus = MemoryBus::new().named(&format!("memory-{run:x}"));
        let signalbus = engine(store, bus.clone())?;
        let key = ReceiptKey::generate(&entropy);
        let exposed = key.expose().to_owned();
        let source = Words(ProviderName::new("moody-mail")?);
        // The store of the engine, so that what is recorded is counted.
        let receipts = ReceiptIntake::new(signalbus.shared_store())
            .endpoint(Endpoint::new::<Email>(source, key)?);
        signalbus.start();
        Ok(Self {
            signalbus,
            receipts,
            key: exposed,
            bus,
            run,
            published: AtomicU64::new(0),
        })
    }

    /// The engine.
    #[must_use]
    pub fn signalbus(&self) -> &Signalbus {
        &self.signalbus
    }

    /// Publishes `count` events, and has the provider call back about the mails.
    ///
    /// # Errors
    /// When the store does not take them.
    pub async fn round(&self, count: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut events = Vec::new();
        for _ in 0..count {
            let number = self.published.fetch_add(1, Ordering::Relaxed);
            events.push(event(self.run, number));
        }
        for answer in self.signalbus.publish_all(events).await? {
            self.call_back(&answer?).await;
        }
        self.through_the_bus().await
    }

    /// One event, and now and then an envelope that is none.
    async fn through_the_bus(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        self.signalbus
            .publish_to_bus(event(self.run, number))
            .await?;
        if number.is_multiple_of(5) {
            let broken = Envelope {
                topic: TOPIC.to_owned(),
                key: b"broken".to_vec(),
                headers: Headers::new(),
                payload: b"no event".to_vec().into(),
            };
            self.bus.publish(vec![broken]).await?;
        }
        Ok(())
    }

    async fn call_back(&self, published: &Published) {
        for route in &published.routes {
            if route
                .channel
                .as_ref()
                .is_none_or(|channel| channel.as_str() != "email")
            {
                continue;
            }
            let delivery = route.delivery;
            let body = match delivery.as_uuid().as_u128() % 20 {
                0 => "forged".to_owned(),
                1 => format!("complained {delivery} {delivery} grumpy-{delivery}@example.org"),
                2 => format!("bounced {delivery} {delivery}"),
                _ => format!("delivered {delivery} {delivery}"),
            };
            let request = Callback {
                method: "POST",
                target: "/receipts/moody-mail",
                headers: &[],
                body: body.as_bytes(),
            };
            self.receipts.take("moody-mail", &self.key, &request).await;
        }
    }
}

fn event(run: u64, number: u64) -> Event {
    let topic = if number % 50 == 49 { "broken" } else { "note" };
    // Half of it is one tenant's.
    let tenant = if number.is_multiple_of(2) {
        "large".to_owned()
    } else {
        format!("small-{}", number % 100)
    };
    Event::new(topic, Idempotency::key(format!("{run:x}-{number}")))
        .tenant(tenant)
        .to(Recipient::new()
            .id(format!("person-{}", number % 500))
            .email(format!("person-{}@example.org", number % 500))
            .sms(format!("+4477009{:05}", number % 500)))
        .data(serde_json::json!({ "n": number }))
}

fn engine(
    store: Arc<dyn Store>,
    bus: MemoryBus,
) -> Result<Signalbus, Box<dyn std::error::Error + Send + Sync>> {
    let templates = Templates::embedded(&[
        ("note/en/subject.txt", "Note {{ data.n }}"),
        ("note/en/body.txt", "This is note {{ data.n }}."),
        ("note/en/sms.txt", "Note {{ data.n }}"),
        ("broken/en/subject.txt", "{{ data.nobody.knows }}"),
        ("broken/en/body.txt", "Never seen"),
        ("broken/en/sms.txt", "{{ data.nobody.knows }}"),
    ])?;
    let second = Duration::from_secs(1);
    let retry = || {
        RetryPolicy::default()
            .with_max_attempts(2)
            .with_waits(second / 10, second / 10, second)
    };
    let mail = ChannelSetup::new(Email::from("load@example.org")?, Moody::new("moody-mail"));
    let texts = ChannelSetup::new(Sms::new(), Moody::new("moody-texts"));
    let built: Result<Signalbus, BuildError> = Signalbus::builder()
        .shared_store(store)
        .bus_setup(
            BusSetup::new(bus, &Topic::new(TOPIC)?)
                .group("load")
                .dead_letters(&Topic::new("events.dead")?),
        )
        .channel_setup(mail.retry(retry()))
        .channel_setup(texts.retry(retry()))
        .templates(templates)
        .policy(Policy::new().on::<Email>("*").on::<Sms>("*"))
        .options(signalbus::EngineOptions::default().with_tenant_metrics(10))
        .tenant_weight(TenantId::new("large")?, 2)
        .build();
    Ok(built?)
}
