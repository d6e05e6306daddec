//! Stores what comes from Kafka, and sends what is of its channel.

use std::error::Error;

use signalbus::{Builder, BusSetup, ChannelSetup, Signalbus, Templates, channel::Sms};

use super::{
    Program,
    configured::{Common, WorkerOwn},
    engine::policy,
    fakes,
    observe::Observe,
    stop::told_to_stop,
};

/// Works until it is told to stop; then it finishes what it has begun.
pub(super) async fn work(
    program: Program,
    common: Common,
    own: Box<WorkerOwn>,
) -> Result<(), Box<dyn Error>> {
    let topics = common.topics.all();
    let observe = Observe::install(&common.bus, topics.clone())?;
    // Before anything is sent: a port that is taken is no reason to begin.
    let listener = tokio::net::TcpListener::bind(common.listen).await?;
    let store = own.database.open().await?;
    let mut builder = Signalbus::builder()
        .store(store.clone())
        .templates(Templates::dir(own.templates)?)
        .policy(policy());
    for topic in &topics {
        let mut setup = BusSetup::shared(common.bus.shared(), topic)
            .group(&own.group)
            .start(own.start)
            .when_gone(own.when_gone);
        if let Some(letters) = &own.dead_letters {
            setup = setup.dead_letters(letters);
        }
        builder = builder.bus_setup(setup);
    }
    // Kept as long as anything is sent to it.
    let (mut fake_mailgun, mut fake_twilio) = (None, None);
    let builder = if program == Program::Email {
        let setup = match (own.mailgun, own.smtp) {
            (Some(mailgun), Some(smtp)) => ChannelSetup::new(own.email, mailgun).failover(smtp),
            (Some(mailgun), None) => ChannelSetup::new(own.email, mailgun),
            (None, Some(smtp)) => ChannelSetup::new(own.email, smtp),
            (None, None) => {
                let (fake, mailgun) = fakes::mailgun().await?;
                tracing::warn!("no account is set: mails go to a fake in this process");
                fake_mailgun = Some(fake);
                ChannelSetup::new(own.email, mailgun)
            }
        };
        builder.channel_setup(setup).known_channel(Sms::new())
    } else {
        let twilio = match own.twilio {
            Some(twilio) => twilio,
            None => {
                let (fake, twilio) = fakes::twilio().await?;
                tracing::warn!("no account is set: texts go to a fake in this process");
                fake_twilio = Some(fake);
                twilio
            }
        };
        builder.channel(Sms::new(), twilio).known_channel(own.email)
    };
    let signalbus = start(builder).await?;
    let _listening = store.listen(signalbus.wake()).await?;
    tracing::info!(address = %listener.local_addr()?, "{} is working", program.name());
    let router = observe.watching(signalbus.clone()).router();
    let stop = async move {
        told_to_stop().await;
        observe.leave();
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await?;
    signalbus.shutdown().await;
    store.close().await;
    drop((fake_mailgun, fake_twilio));
    Ok(())
}

async fn start(builder: Builder) -> Result<Signalbus, Box<dyn Error>> {
    Ok(builder.start().await?)
}
