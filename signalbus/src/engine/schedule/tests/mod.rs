mod costs;
mod fairness;
mod model;
mod order;
mod supply;
mod suspects;

use uuid::Uuid;

use super::*;
use crate::{
    clock::later,
    id::{DeliveryId, EventId},
};

const NOW: Timestamp = Timestamp::constant(1_893_456_000, 0);
const EMAIL: usize = 0;
const SMS: usize = 1;
const NOTHING: [i64; 0] = [];

/// A first try on the e-mail channel, of the default tenant, unrelated to any other.
fn ready(position: i64) -> Ready {
    let id = Uuid::from_u128(u128::from(position.unsigned_abs()));
    let mut made = Ready::new(
        (Position(position), DeliveryId::from_uuid(id)),
        EventId::from_uuid(id),
        TenantId::default(),
        channel(EMAIL),
        Class::Standard,
        LaneId::from_stored(0),
        NOW,
    );
    made.order_key = position.unsigned_abs();
    made.order = Order::Start;
    made.generation = 0;
    made.attempt = 0;
    made.failures = 0;
    made.suspicion = 0;
    made.accepted_at = NOW;
    made.expires_at = None;
    made
}

/// A delivery whose event has files of this size.
pub(crate) fn waiting_with_files(position: i64, bytes: u64) -> Ready {
    let mut made = ready(position);
    made.bytes = bytes;
    made
}

fn channel(index: usize) -> ChannelName {
    ChannelName::new(["email", "sms"][index]).unwrap()
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn after(seconds: u64) -> Timestamp {
    later(NOW, std::time::Duration::from_secs(seconds))
}

fn scheduler(ready: impl IntoIterator<Item = Ready>) -> Scheduler {
    let mut scheduler = Scheduler::new([channel(EMAIL), channel(SMS)].into_iter().collect());
    for ready in ready {
        assert!(scheduler.admit(ready), "new");
    }
    scheduler
}

/// How many of a class wait in hand.
fn waiting(scheduler: &Scheduler, class: Class) -> usize {
    scheduler.queued[class.index()].iter().sum()
}

/// Which channels have room, for first tries and for retries.
#[derive(Debug, Clone, Copy)]
struct Rooms {
    first: [bool; 2],
    retry: [bool; 2],
    idle: [bool; 2],
    probing: bool,
}

const ALL: Rooms = Rooms {
    first: [true; 2],
    retry: [true; 2],
    idle: [true; 2],
    probing: false,
};

impl Room for Rooms {
    fn for_first(&mut self, channel: usize) -> bool {
        self.first[channel]
    }

    fn for_retry(&mut self, channel: usize) -> bool {
        self.retry[channel]
    }

    fn for_files(&mut self, _: &Ready) -> bool {
        true
    }

    fn is_probing(&self, _channel: usize) -> bool {
        self.probing
    }

    fn is_idle(&self, channel: usize) -> bool {
        self.idle[channel]
    }
}

impl Scheduler {
    /// Picks with the same weight for every tenant, in a round of its own.
    fn next(&mut self, room: Rooms) -> Option<Ready> {
        self.picked(room).map(|picked| picked.ready)
    }

    fn picked(&mut self, mut room: Rooms) -> Option<Picked> {
        self.begin(&mut room);
        self.pick(&|_| 1, &mut room)
    }

    /// The positions of the next `count` picks, or of as many as there are.
    fn positions(&mut self, count: usize, room: Rooms) -> Vec<i64> {
        (0..count)
            .map_while(|_| self.next(room))
            .map(|ready| ready.position.0)
            .collect()
    }

    /// Its send ended well.
    fn done(&mut self, ready: &Ready) {
        if ready.suspicion > 0 {
            self.suspect_ended(self.accounts.of(ready).unwrap());
        }
        self.release(ready, Left::Done);
        self.settled(ready.position);
    }

    /// Nothing is left of any delivery that ever was in hand.
    #[track_caller]
    fn assert_forgot_all(&self) {
        assert!(self.is_empty());
        assert_eq!(self.in_hand.len(), 0, "in hand");
        assert!(Class::ALL.iter().all(|class| waiting(self, *class) == 0));
        assert_eq!(self.expiries.len(), 0, "expiries");
        assert_eq!(self.gates.iter().count(), 0, "behind gates");
    }
}
