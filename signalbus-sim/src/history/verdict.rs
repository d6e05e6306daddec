use std::fmt;

use serde::Serialize;
use signalbus::DeliveryId;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $promise:literal;)*) => {
        /// What must hold in every history.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Invariant {
            $($(#[$doc])* $name,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The short name, `C1` to `C12`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The promises it belongs to.
            #[must_use]
            pub const fn promise(self) -> &'static str {
                match self {
                    $(Self::$name => $promise,)*
                }
            }
        }
    };
}

invariants! {
    /// Whatever was accepted is there at the end, has ended once, and its history says why.
    Accounted = "C1", "P1 durable accept, P2 accounted end";
    /// Nothing is sent that was not published, was not stored, or whose address is suppressed.
    Wanted = "C2", "P1 durable accept";
    /// At most one more send for each fault; none without a fault.
    BoundedDuplicates = "C3", "P3 bounded duplicates";
    /// Nothing starts after the end; every step follows from the last, under the current epoch.
    Final = "C4", "P4 terminal is final";
    /// Messages to one recipient start in the order that was asked for.
    Ordered = "C5", "P5 order";
    /// A key stands for one event.
    Idempotent = "C6", "P7 idempotent intake";
    /// No tenant sees or causes another tenant's work.
    Isolated = "C7", "P6 isolation";
    /// Retries wait as long as they must, and end when they must.
    Polite = "C8", "P8 polite retries";
    /// When nothing is broken any more, all work is done in bounded time.
    Live = "C9", "P2 accounted end";
    /// Counts agree with what happened.
    Conserved = "C10", "P2 accounted end";
    /// What is paused is not claimed.
    Held = "C11", "P2 accounted end";
    /// What waits for another delivery is sent when that failed, and not when that reached somebody.
    Sibling = "C12", "P3 bounded duplicates";
}

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// What does not hold.
    pub invariant: Invariant,
    /// The delivery it is about, if it is about one.
    pub delivery: Option<DeliveryId>,
    /// What is wrong.
    pub what: String,
    /// The lines of the history that show it.
    pub events: Vec<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            delivery,
            what,
            ..
        } = self;
        write!(f, "{} ({}): {what}", invariant.code(), invariant.promise())?;
        match delivery {
            Some(delivery) => write!(f, " [delivery {delivery}]"),
            None => Ok(()),
        }
    }
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(super) struct Verdict(pub(super) Vec<Violation>);

impl Verdict {
    pub(super) fn broken(
        &mut self,
        invariant: Invariant,
        delivery: impl Into<Option<DeliveryId>>,
        events: impl IntoIterator<Item = usize>,
        what: impl Into<String>,
    ) {
        self.0.push(Violation {
            invariant,
            delivery: delivery.into(),
            what: what.into(),
            events: events.into_iter().collect(),
        });
    }
}
