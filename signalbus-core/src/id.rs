//! Identifiers: `UUIDv7` (RFC 9562 section 5.7), so that they sort by the time they were made.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{clock::Clock, entropy::Entropy};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID made elsewhere.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// Names one published event.
    EventId
}
id! {
    /// Names one delivery: one event, recipient, channel and address.
    DeliveryId
}
id! {
    /// Names one running engine; new at every start.
    WorkerId
}

impl EventId {
    /// An id that follows from these words: the same ones give the same id (a `UUIDv8`, RFC 9562
    /// section 5.8, of a SHA-256).
    #[must_use]
    pub fn derived(words: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for word in words {
            hasher.update(u64::try_from(word.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(word);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// Makes ids that rise strictly within this source.
#[derive(Debug, Clone)]
pub struct IdSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    millis: u64,
    counter: u16,
}

impl IdSource {
    /// Time from `clock`, random bits from `entropy`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                entropy,
                last: Mutex::default(),
            }),
        }
    }

    /// The next event id.
    #[must_use]
    pub fn event(&self) -> EventId {
        EventId(self.next())
    }

    /// The next delivery id.
    #[must_use]
    pub fn delivery(&self) -> DeliveryId {
        DeliveryId(self.next())
    }

    /// The next worker id.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        WorkerId(self.next())
    }

    /// Twelve bits of counter in `rand_a` keep ids of one millisecond in order; when it runs over,
    /// or the wall clock goes back, the timestamp part is borrowed from the future (RFC 9562
    /// section 6.2).
    fn next(&self) -> Uuid {
        let now = u64::try_from(self.shared.clock.now().as_millisecond()).unwrap_or(0);
        let (millis, counter) = {
            let mut last = self
                .shared
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if now > last.millis {
                *last = Last {
                    millis: now,
                    counter: 0,
                };
            } else if last.counter < 0x0fff {
                last.counter += 1;
            } else {
                *last = Last {
                    millis: last.millis + 1,
                    counter: 0,
                };
            }
            (last.millis, last.counter)
        };
        let mut bytes = [0; 10];
        self.shared.entropy.fill(&mut bytes[2..]);
        bytes[..2].copy_from_slice(&counter.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
