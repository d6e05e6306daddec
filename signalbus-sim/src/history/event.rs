use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalbus::{
    Class, DeliveryId, EventId, Order, ProviderName, TenantId, Timestamp,
    name::ChannelName,
    provider::{Fault, Outcome},
    store::{AddressHash, After, AttemptOutcome, EndState, Paused, Reason},
};

/// One line of a history: what one observer saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Monotonic time, in microseconds since the run began.
    pub at: u64,
    /// Wall-clock time, as the store shows it.
    pub wall: Timestamp,
    /// Who did it: a worker, a publisher, a provider, the nemesis.
    pub actor: String,
    /// What was seen.
    pub seen: Seen,
}

/// What an observer saw. Lines of one publish share `call`, lines of one request `request`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Seen {
    /// A publisher is about to publish.
    Publish(Publish),
    /// It was told `Ok`.
    Published {
        /// The publish.
        call: u64,
        /// The event it was told.
        event: EventId,
        /// Whether it was new.
        verdict: Said,
        /// The deliveries it was told, in the order of the routes.
        deliveries: Vec<DeliveryId>,
    },
    /// It was told that the bus has it.
    Handed {
        /// The publish.
        call: u64,
        /// The event.
        event: EventId,
    },
    /// It was told that nothing was stored.
    NotPublished {
        /// The publish.
        call: u64,
    },
    /// It was told nothing certain: an ambiguous error, or it died while it waited.
    PublishUnknown {
        /// The publish.
        call: u64,
    },

    /// A provider was asked.
    Request(Request),
    /// A provider answered, or decided not to.
    Answered {
        /// The request.
        request: u64,
        /// What it said.
        answer: Answer,
    },

    /// The store took an event.
    Stored {
        /// The event.
        event: EventId,
        /// Whose it is.
        tenant: TenantId,
        /// Its key.
        key: Option<String>,
        /// What [`Publish::content`] was.
        content: Option<String>,
        /// Its deliveries.
        deliveries: Vec<DeliveryId>,
        /// Those that ended as they were stored.
        ended: Vec<(DeliveryId, EndState)>,
    },
    /// The store gave a lane to a worker.
    Held {
        /// The lane.
        lane: u64,
        /// The epoch of its owner.
        epoch: u64,
    },
    /// The store wrote a claim.
    Claimed(Step),
    /// The store refused a claim, and so ended the delivery.
    Refused {
        /// The delivery.
        step: Step,
        /// How it ended; none when it was not where the worker believed it.
        ended: Option<EndState>,
    },
    /// The store wrote a result.
    Settled {
        /// The delivery.
        step: Step,
        /// Who had been asked.
        provider: Option<ProviderName>,
        /// What came of it.
        outcome: AttemptOutcome,
        /// Whose fault it was.
        fault: Option<Fault>,
        /// How it ended; none when it is tried again.
        ended: Option<(EndState, Reason)>,
        /// Whether the worker was told that it was written.
        told: bool,
    },
    /// The store called a delivery off before it was sent.
    Cancelled {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// The store gave a delivery a new generation.
    Redriven {
        /// The delivery.
        delivery: DeliveryId,
        /// The generation that began.
        began: u32,
    },
    /// The store began a pause.
    Paused(Paused),
    /// The store ended a pause.
    Resumed(Paused),
    /// The store took a delivery that is to come after another one of its event.
    Waits {
        /// The delivery, and what it waits for.
        delivery: DeliveryId,
        /// The other one, and when it is over.
        after: After,
    },
    /// The store ended a delivery, as another one had reached the recipient.
    NotNeeded {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// The store put an address on a suppression list.
    Suppressed(Listed),
    /// The store took an address off a suppression list.
    Unsuppressed(Listed),
    /// The store recorded a receipt.
    Receipt {
        /// Whose message it was said to be.
        tenant: TenantId,
        /// The provider's own id of the statement.
        id: String,
        /// Whether the store knew the statement.
        repeated: bool,
    },
    /// A provider was asked what became of a generation.
    LookedUp {
        /// Who was asked.
        provider: ProviderName,
        /// The delivery.
        delivery: DeliveryId,
        /// The generation.
        generation: u32,
        /// Whether a message of it was taken; none when the provider could not say.
        taken: Option<bool>,
    },
    /// The store forgot events that had ended, with their keys.
    Purged {
        /// The events.
        events: Vec<EventId>,
        /// All their deliveries.
        deliveries: Vec<DeliveryId>,
    },
    /// Something that nobody can read was handed to the bus.
    Garbage {
        /// Whether the bus certainly has it.
        handed: bool,
    },
    /// Somebody named something of another tenant.
    Foreign {
        /// What was tried.
        what: String,
        /// How many things of the other tenant it reached.
        reached: u64,
    },

    /// Something was broken on purpose.
    Fault(Broken),
}

/// A publish, and what a policy-reading human would expect of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// Names the call.
    pub call: u64,
    /// Whose event.
    pub tenant: TenantId,
    /// Its idempotency key.
    pub key: Option<String>,
    /// Tells contents apart; it is in the message, so that the provider's books have it too.
    pub content: String,
    /// The order asked for.
    pub order: Order,
    /// Its class.
    pub class: Class,
    /// Whether it goes through the bus.
    pub bus: bool,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not at or after.
    pub expires_at: Option<Timestamp>,
    /// Who should hear of it, in the order of the answer.
    pub routes: Vec<RouteWanted>,
}

/// One message that a publish should lead to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteWanted {
    /// The application's id of the person.
    pub person: String,
    /// The channel; none where there is no route.
    pub channel: Option<ChannelName>,
    /// The address in its normal form.
    pub address: String,
}

/// What a publisher was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It was new.
    Accepted,
    /// It was there already.
    Duplicate,
    /// Its key was used for something else.
    Conflict,
}

/// A line in a provider's own books.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Names the request.
    pub request: u64,
    /// Who was asked.
    pub provider: ProviderName,
    /// On which channel.
    pub channel: ChannelName,
    /// The delivery, as the request says.
    pub delivery: DeliveryId,
    /// The generation, as the request says.
    pub generation: u32,
    /// The attempt, as the request says.
    pub attempt: u32,
    /// The tenant, as the request says.
    pub tenant: TenantId,
    /// The address, as the request says.
    pub address: String,
    /// [`Publish::content`], as the message says.
    pub content: String,
    /// Which worker asked.
    pub worker: String,
    /// Whether the whole request came in; else nothing can have been sent.
    pub received: bool,
    /// Whether the provider sends the message.
    pub taken: bool,
}

/// What a provider said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// That it took the message.
    Taken,
    /// That it did not, or does not know.
    Failed {
        /// What is known about the message.
        outcome: Outcome,
        /// Whose fault it was.
        fault: Fault,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing: the answer was lost, came too late, or nobody was there to hear it.
    Nothing,
    /// Nothing: the code that asks it broke down.
    Panicked,
}

/// One delivery at one place of its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The generation.
    pub generation: u32,
    /// The attempt.
    pub attempt: u32,
    /// The lane of the writer's lease.
    pub lane: u64,
    /// The epoch of the writer's lease.
    pub epoch: u64,
}

/// An address on a suppression list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Whose list.
    pub tenant: TenantId,
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
}

/// What was broken on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Broken {
    /// A worker died.
    Crashed {
        /// Which.
        worker: String,
    },
    /// A worker stands still.
    Paused {
        /// Which.
        worker: String,
    },
    /// A worker goes on.
    Resumed {
        /// Which.
        worker: String,
    },
    /// A call of a worker to the store failed, or took long.
    Store {
        /// Which worker.
        worker: String,
        /// Which call, and how.
        what: String,
    },
    /// The wall clock jumped.
    Jumped {
        /// How far, in milliseconds.
        millis: i64,
    },
    /// Something else, in words.
    Other {
        /// What.
        what: String,
    },
    /// Nothing is broken any more.
    Healed,
}
