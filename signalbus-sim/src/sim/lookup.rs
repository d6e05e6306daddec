//! What providers know of earlier requests, from their own books.

use std::time::Duration;

use async_trait::async_trait;
use signalbus::{
    Channel, Clock as _, DeliveryId,
    provider::{Fault, Found, Lookup, Question, SendError, Sent},
};

use super::{
    channel::{Note, Spot},
    draw,
    provider::{SimProvider, WINDOW},
    script::Ability,
};
use crate::history::{Request, Seen};

/// How long a worker may stand still between a look at the clock and the request.
const PAUSE: Duration = Duration::from_secs(10);

impl SimProvider {
    /// What it calls the message that it took in a request.
    pub(super) fn sent(&self, request: u64) -> Sent {
        Sent::with_id(format!("m{request}"))
    }

    /// The request by which it took this message before, if it recognises repeats.
    pub(super) fn recognised(&self, delivery: DeliveryId, generation: u32) -> Option<u64> {
        if self.world.setup.ability(self.desk) != Ability::Recognises {
            return None;
        }
        // The engine counts by the store's wall clock, which may be set back.
        let in_fact = WINDOW + PAUSE + self.world.clock.set_back();
        self.taken(delivery, generation, in_fact)
    }

    fn taken(&self, delivery: DeliveryId, generation: u32, within: Duration) -> Option<u64> {
        let oldest = self
            .world
            .clock
            .monotonic()
            .saturating_sub(within)
            .as_micros();
        let is_it = |request: &Request| {
            request.taken
                && request.provider == self.name
                && (request.delivery, request.generation) == (delivery, generation)
        };
        self.world.journal.look(|events| {
            events.iter().find_map(|event| match &event.seen {
                Seen::Request(request) if u128::from(event.at) >= oldest && is_it(request) => {
                    Some(request.request)
                }
                _ => None,
            })
        })
    }

    fn note(&self, delivery: DeliveryId, generation: u32, taken: Option<bool>) {
        self.world.journal.write(
            &self.worker,
            Seen::LookedUp {
                provider: self.name.clone(),
                delivery,
                generation,
                taken,
            },
        );
    }
}

#[async_trait]
impl<C: Channel<Address = Spot, Message = Note>> Lookup<C> for SimProvider {
    async fn find(&self, question: &Question<'_, C>) -> Result<Found, SendError> {
        self.gate.pass().await;
        let (delivery, generation) = (question.id, question.generation);
        // So it stays unless an answer is heard.
        self.note(delivery, generation, None);
        let mut luck = self.world.luck(&[
            draw::text(self.desk.name()),
            draw::text("lookup"),
            draw::text(&format!("{}", self.world.clock.monotonic().as_millis())),
        ]);
        let troubled = !self.world.is_healed() && luck.chance(self.world.setup.bad_luck);
        let wait = if troubled && luck.chance(50) {
            Duration::from_millis(luck.between(100, 6_000))
        } else {
            Duration::from_millis(luck.between(1, 30))
        };
        let fails = self.world.outage(self.desk).is_some() || (troubled && luck.chance(50));
        self.world.clock.sleep(wait).await;
        self.gate.pass().await;
        if fails {
            return Err(SendError::retryable(Fault::Provider, "the script says so"));
        }
        if troubled && luck.chance(30) {
            let ask_again = Duration::from_millis(luck.between(1_000, 120_000));
            return Ok(Found::Unclear {
                ask_again: luck.chance(50).then_some(ask_again),
            });
        }
        let request = self.taken(delivery, generation, Duration::MAX);
        self.note(delivery, generation, Some(request.is_some()));
        Ok(match request {
            Some(request) => Found::Sent(self.sent(request)),
            None => Found::NotSent,
        })
    }
}
