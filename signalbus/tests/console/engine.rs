use std::{sync::Arc, time::Duration};

use signalbus::{
    Clock, Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus, Templates,
    channel::Sms,
    name::ProviderName,
    provider::Console,
    store::{DeliveryFilter, EndState, State},
};
use signalbus_testkit::PausedClock;

use crate::{
    note::Note,
    paper::{Failure, Paper},
};

/// What one message prints: its lines between two blank ones.
fn pages(text: &str) -> Vec<&str> {
    text.split("\n\n").filter(|page| !page.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_all_channels_are_printed_whole() {
    const EVENTS: usize = 40;
    let paper = Paper::default();
    let console = Console::new(paper.clone());
    let signalbus = Signalbus::builder()
        .in_memory()
        .channel(Sms::new(), console.clone())
        .channel(Note, console.with_name(ProviderName::new("desk").unwrap()))
        .templates(
            Templates::embedded(&[
                ("hello/en/sms.txt", "Hello\nby text"),
                ("hello/en/note.txt", "Hello\nby note"),
            ])
            .unwrap(),
        )
        .policy(Policy::new().on::<Sms>("hello").on::<Note>("hello"))
        .start()
        .await
        .unwrap();
    for _ in 0..EVENTS {
        let ada = Recipient::new().sms("+447700900123").on::<Note>("Desk 7");
        let event = Event::new("hello", Idempotency::None).to(ada);
        signalbus.publish(event).await.unwrap();
    }
    signalbus.idle().await;
    signalbus.shutdown().await;

    let printed = paper.text();
    let pages = pages(&printed);
    assert_eq!(pages.len(), 2 * EVENTS);
    for page in pages {
        let whole = page.starts_with("=== sms to +447700900123\ndelivery  ")
            && page.ends_with("segments  1\ntext\n  | Hello\n  | by text")
            || page.starts_with("=== note to Desk 7\ndelivery  ")
                && page.ends_with("tenant    default\nnote\n  | Hello\n  | by note");
        assert!(whole, "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_printed_is_printed_later() {
    let paper = Paper::default();
    paper.fail(Some(Failure::Closed));
    let clock = PausedClock::default();
    let store = MemoryStore::builder()
        .clock(Arc::new(clock.clone()))
        .build();
    let signalbus = Signalbus::builder()
        .store(store)
        .clock(clock.clone())
        .channel(Note, Console::new(paper.clone()))
        .templates(Templates::embedded(&[("hello/en/note.txt", "Hello")]).unwrap())
        .policy(Policy::new().on::<Note>("hello"))
        .start()
        .await
        .unwrap();
    let ada = Recipient::new().on::<Note>("Desk 7");
    let event = Event::new("hello", Idempotency::None).to(ada);
    signalbus.publish(event).await.unwrap();
    clock.sleep(Duration::from_mins(1)).await;
    assert_eq!(paper.text(), "");
    paper.fail(None);
    clock.sleep(Duration::from_hours(3)).await;
    assert_eq!(pages(&paper.text()).len(), 1);
    let sent = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    assert_eq!(signalbus.tally(&sent).await.unwrap()[0].count, 1);
    signalbus.shutdown().await;
}
