//! Providers with books of their own.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus::{
    Channel, Clock as _, ProviderName,
    name::ChannelName,
    provider::{Capabilities, Delivery, Fault, Lookup, Outcome, Provider, SendError, Sent},
};

use super::{
    channel::{Note, Spot},
    draw,
    gate::Gate,
    script::{Ability, Desk, Outage},
    world::World,
};
use crate::history::{Answer, Request, Seen};

/// How long a send may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(4);

/// How long a provider says that it recognises a repeat.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// One provider as one worker reaches it.
#[derive(Debug, Clone)]
pub(super) struct SimProvider {
    pub(super) desk: Desk,
    pub(super) name: ProviderName,
    pub(super) worker: String,
    pub(super) gate: Arc<Gate>,
    pub(super) world: Arc<World>,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Taken,
    /// Never came in.
    Refused,
    Fails {
        outcome: Outcome,
        fault: Fault,
        retry_after: Option<Duration>,
        suppress: bool,
    },
    /// No answer; it may have been taken.
    Lost {
        taken: bool,
    },
    /// The answer is that nobody knows.
    Unknown {
        taken: bool,
    },
    PanicBefore,
    PanicAfter {
        taken: bool,
    },
}

impl SimProvider {
    fn fate<C: Channel>(&self, delivery: &Delivery<'_, C>, content: &str) -> (Fate, Duration) {
        let mut luck = self.world.luck(&[
            draw::text(self.desk.name()),
            draw::text(content),
            draw::text(signalbus::channel::Address::as_str(delivery.to)),
            u64::from(delivery.generation),
            u64::from(delivery.attempt),
        ]);
        let mut takes = Duration::from_millis(luck.between(2, 60));
        if let Some(outage) = self.world.outage(self.desk) {
            return (during(outage), takes);
        }
        if self.world.is_healed() || !luck.chance(self.world.setup.bad_luck) {
            return (Fate::Taken, takes);
        }
        if luck.chance(30) {
            takes = Duration::from_millis(luck.between(100, 3_500));
        }
        (misfortune(&mut luck), takes)
    }
}

fn during(outage: Outage) -> Fate {
    let fails = |fault, retry_after| Fate::Fails {
        outcome: Outcome::Retryable,
        fault,
        retry_after,
        suppress: false,
    };
    match outage {
        Outage::Refuses => Fate::Refused,
        Outage::Silent => Fate::Lost { taken: false },
        Outage::Throttles(wait) => fails(Fault::Quota, Some(wait)),
        Outage::Misconfigured => fails(Fault::Configuration, None),
    }
}

fn misfortune(luck: &mut draw::Draw) -> Fate {
    let taken = luck.chance(50);
    let wait = if luck.chance(5) {
        Duration::from_secs(60)
    } else {
        Duration::from_millis(luck.between(500, 8_000))
    };
    let fails = |outcome, fault| Fate::Fails {
        outcome,
        fault,
        retry_after: None,
        suppress: false,
    };
    luck.weighted(&[
        (20, Fate::Taken),
        (12, Fate::Refused),
        (12, fails(Outcome::Retryable, Fault::Provider)),
        (
            12,
            Fate::Fails {
                outcome: Outcome::Retryable,
                fault: Fault::Quota,
                retry_after: Some(wait),
                suppress: false,
            },
        ),
        (5, fails(Outcome::Permanent, Fault::Message)),
        (
            5,
            Fate::Fails {
                outcome: Outcome::Permanent,
                fault: Fault::Recipient,
                retry_after: None,
                suppress: true,
            },
        ),
        (1, fails(Outcome::Retryable, Fault::Configuration)),
        (15, Fate::Lost { taken }),
        (8, Fate::Unknown { taken }),
        (5, Fate::PanicBefore),
        (5, Fate::PanicAfter { taken }),
    ])
    .unwrap_or(Fate::Taken)
}

#[async_trait]
impl<C: Channel<Address = Spot, Message = Note>> Provider<C> for SimProvider {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::default()
            .with_timeout(TIMEOUT)
            .with_concurrency(16);
        let capabilities = match self.desk {
            Desk::PingB => capabilities,
            Desk::PingA | Desk::Code => capabilities.reporting_start(),
        };
        match self.world.setup.ability(self.desk) {
            Ability::Recognises => capabilities.with_dedup_window(WINDOW),
            Ability::Nothing | Ability::Lookup => capabilities,
        }
    }

    fn lookup(&self) -> Option<&dyn Lookup<C>> {
        (self.world.setup.ability(self.desk) == Ability::Lookup).then_some(self)
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        self.gate.pass().await;
        let (fate, takes) = self.fate(&delivery, &delivery.message.content);
        let received = !matches!(fate, Fate::Refused | Fate::PanicBefore);
        let taken = matches!(
            fate,
            Fate::Taken
                | Fate::Lost { taken: true }
                | Fate::Unknown { taken: true }
                | Fate::PanicAfter { taken: true }
        );
        if received {
            delivery.request_started();
        }
        let earlier = self.recognised(delivery.id, delivery.generation);
        let taken = taken && earlier.is_none();
        let request = self.world.journal.number();
        let channel = ChannelName::new(C::NAME)
            .map_err(|error| SendError::permanent(Fault::Configuration, error.to_string()))?;
        self.world.journal.write(
            self.desk.name(),
            Seen::Request(Request {
                request,
                provider: self.name.clone(),
                channel,
                delivery: delivery.id,
                generation: delivery.generation,
                attempt: delivery.attempt,
                tenant: delivery.tenant.clone(),
                address: signalbus::channel::Address::as_str(delivery.to).to_owned(),
                content: delivery.message.content.clone(),
                worker: self.worker.clone(),
                received,
                taken,
            }),
        );
        let reply = Reply {
            provider: self,
            request,
            given: false,
        };
        self.world.clock.sleep(takes).await;
        self.gate.pass().await;
        match fate {
            Fate::Taken => {
                reply.give(Answer::Taken);
                Ok(self.sent(earlier.unwrap_or(request)))
            }
            Fate::Refused => Err(reply.fail(Outcome::Retryable, Fault::Provider, None)),
            Fate::Fails {
                outcome,
                fault,
                retry_after,
                suppress,
            } => {
                let error = reply.fail(outcome, fault, retry_after);
                Err(if suppress {
                    error.with_suppression()
                } else {
                    error
                })
            }
            Fate::Unknown { .. } => Err(reply.fail(Outcome::Unknown, Fault::Provider, None)),
            Fate::Lost { .. } => {
                self.world.clock.sleep(Duration::from_hours(1)).await;
                Err(reply.fail(Outcome::Unknown, Fault::Provider, None))
            }
            // Without the panic hook: its report is for accidents.
            Fate::PanicBefore | Fate::PanicAfter { .. } => {
                reply.give(Answer::Panicked);
                std::panic::resume_unwind(Box::new("the script says so"))
            }
        }
    }
}

/// The answer to one request. Dropped, nobody heard one.
struct Reply<'a> {
    provider: &'a SimProvider,
    request: u64,
    given: bool,
}

impl Reply<'_> {
    fn give(mut self, answer: Answer) {
        self.given = true;
        self.write(answer);
    }

    fn fail(self, outcome: Outcome, fault: Fault, retry_after: Option<Duration>) -> SendError {
        self.give(Answer::Failed {
            outcome,
            fault,
            retry_after,
        });
        let error = match outcome {
            Outcome::Retryable => SendError::retryable(fault, "the script says so"),
            Outcome::Permanent => SendError::permanent(fault, "the script says so"),
            Outcome::Unknown => SendError::unknown("the script says so"),
        };
        match retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    fn write(&self, answer: Answer) {
        let request = self.request;
        self.provider.world.journal.write(
            self.provider.desk.name(),
            Seen::Answered { request, answer },
        );
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        if !self.given {
            self.write(Answer::Nothing);
        }
    }
}
