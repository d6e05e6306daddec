use std::sync::Arc;

use crate::{
    bus::{Bus, Start},
    name::Topic,
};

/// A bus, what is published to it, and what of it this process reads.
///
/// ```
/// use signalbus::{BusSetup, Topic, bus::MemoryBus};
///
/// let topic = Topic::new("notifications")?;
/// // An API publishes, and leaves it to others to store and send.
/// let publisher = BusSetup::new(MemoryBus::new(), &topic);
/// // A worker reads, as one of a group that shares the work.
/// let worker = BusSetup::new(MemoryBus::new(), &topic).group("workers");
/// # Ok::<(), signalbus::name::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BusSetup {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) topic: Topic,
    pub(crate) group: Option<String>,
    pub(crate) start: Start,
    pub(crate) when_gone: WhenGone,
    pub(crate) dead_letters: Option<Topic>,
}

/// What to do where a positioned bus does not have the offset any more that should be read next:
/// it was deleted before it was read, or the topic was made anew. It is told in the log and by
/// `bus_offsets_gone_total` each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenGone {
    /// Go on with the oldest that is kept. What was stored before is recognised by its ids.
    #[default]
    Earliest,
    /// Go on with what is published from now on.
    Latest,
    /// Read nothing more of the partition until the process is started with another rule.
    Stop,
}

impl BusSetup {
    /// Publishes to `topic`, and reads nothing.
    #[must_use]
    pub fn new(bus: impl Bus, topic: &Topic) -> Self {
        Self::shared(Arc::new(bus), topic)
    }

    /// The same with a bus that is used elsewhere, too.
    #[must_use]
    pub fn shared(bus: Arc<dyn Bus>, topic: &Topic) -> Self {
        Self {
            bus,
            topic: topic.clone(),
            group: None,
            start: Start::Earliest,
            when_gone: WhenGone::default(),
            dead_letters: None,
        }
    }

    /// Reads the topic too, as one of this group: each event is stored by one of them.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Where a group starts that has read nothing yet: with the oldest event unless set. Of use on
    /// a positioned bus.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// What to do where what should be read next is not there any more.
    #[must_use]
    pub fn when_gone(mut self, rule: WhenGone) -> Self {
        self.when_gone = rule;
        self
    }

    /// Also publishes what nothing can be made of to this topic of the same bus: the same key, bytes
    /// and headers, **a secret in them included**, and where it was and why in headers of their own
    /// (`signalbus-topic`, `signalbus-partition` and `signalbus-offset` or `signalbus-tag`,
    /// `signalbus-reason`, `signalbus-detail`, `signalbus-event`). Unless set, it is only recorded in the
    /// store, as it is in any case, without what was secret.
    ///
    /// It is published before it is recorded: at least once, and its partition waits while the bus
    /// cannot be reached. A letter that the bus refuses for good (the topic does not exist, or may not
    /// be written to) is told in the log and by `bus_dead_letters_total`, and reading goes on.
    #[must_use]
    pub fn dead_letters(mut self, topic: &Topic) -> Self {
        self.dead_letters = Some(topic.clone());
        self
    }
}
