mod books;
mod plays;
mod rules;

use std::sync::Arc;

use serde_json::json;
use signalbus_core::{
    DeliveryId, Entropy, EventId, Provider, TenantId,
    channel::{
        Address, Sms,
        sms::{PhoneNumber, SmsMessage},
    },
    clock::Clock,
    id::IdSource,
    provider::{Delivery, Latch, SendError, Sent},
};

use super::ScriptedProvider;
use crate::clock::ManualClock;

/// A provider on a clock that stands still, and deliveries for it.
struct Scene {
    clock: ManualClock,
    provider: ScriptedProvider<Sms>,
    ids: IdSource,
}

/// Everything a delivery borrows.
#[derive(Clone)]
struct Parcel {
    id: DeliveryId,
    event: EventId,
    to: PhoneNumber,
    message: SmsMessage,
    generation: u32,
    latch: Latch,
}

const ADA: &str = "+447700900001";
const BOB: &str = "+447700900002";

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

impl Scene {
    fn new() -> Self {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        Self {
            clock,
            provider: ScriptedProvider::new(Arc::clone(&shared)),
            ids: IdSource::new(shared, Arc::new(Entropy::from_seed(1))),
        }
    }

    fn parcel(&self, to: &str) -> Parcel {
        let message = json!({ "text": "hello", "encoding": "gsm7", "segments": 1 });
        Parcel {
            id: self.ids.delivery(),
            event: self.ids.event(),
            to: number(to),
            message: serde_json::from_value(message).unwrap(),
            generation: 0,
            latch: Latch::default(),
        }
    }

    async fn send(&self, parcel: &Parcel) -> Result<Sent, SendError> {
        let tenant = TenantId::default();
        let mut delivery = Delivery::new(
            parcel.id,
            parcel.event,
            &tenant,
            &parcel.to,
            &parcel.message,
            &parcel.latch,
        );
        delivery.generation = parcel.generation;
        self.provider.send(delivery).await
    }

    /// Sends something to Ada.
    async fn ada(&self) -> (Parcel, Result<Sent, SendError>) {
        let parcel = self.parcel(ADA);
        let answer = self.send(&parcel).await;
        (parcel, answer)
    }
}

/// Polls once.
fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
