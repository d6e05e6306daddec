use std::{fmt, sync::Arc, time::Duration};

use crate::{id::WorkerId, name::ChannelName};

/// Lanes that are shared out together, among the workers that ask for them.
///
/// There is one for each channel, so that a process that sends only mail takes none of the lanes
/// of text messages, and one for each topic that a group reads from a positioned bus, whose lanes
/// are the partitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    name: Arc<str>,
    lanes: Option<u16>,
}

impl Space {
    /// The deliveries of a channel: as many lanes as the store has.
    #[must_use]
    pub fn send(channel: &ChannelName) -> Self {
        Self {
            name: format!("{SEND}{channel}").into(),
            lanes: None,
        }
    }

    /// A topic that a group reads from a positioned bus: a lane for each partition.
    #[must_use]
    pub fn bus(bus: &str, group: &str, topic: &str, partitions: u16) -> Self {
        Self {
            name: format!("bus/{bus}/{group}/{topic}").into(),
            lanes: Some(partitions),
        }
    }

    /// Its name: `send/email`, or `bus/kafka/mailers/notifications`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many lanes it has; `store` is how many a channel has there.
    #[must_use]
    pub fn lanes(&self, store: u16) -> u16 {
        self.lanes.unwrap_or(store)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        SpaceId::of(&[&self.name])
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

const SEND: &str = "send/";

/// Stands for the name of a [`Space`] in 47 bits: FNV-1a, mixed by the finaliser of `SplitMix64`.
/// Persisted: never change it. Two of the few names that one store meets do not come out the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(u64);

impl SpaceId {
    /// Of what is never sent.
    pub(super) const NOBODYS: Self = Self(0);

    /// The space of a channel's deliveries.
    #[must_use]
    pub fn send(channel: &ChannelName) -> Self {
        Self::of(&[SEND, channel.as_str()])
    }

    /// What a store keeps; never more than 47 bits.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// One of its lanes.
    #[must_use]
    pub fn lane(self, number: u16) -> LaneId {
        LaneId(self.0 << NUMBER_BITS | u64::from(number))
    }

    fn of(parts: &[&str]) -> Self {
        let bytes = parts.iter().flat_map(|part| part.bytes());
        let mut mixed = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        Self(mixed >> (NUMBER_BITS + 1))
    }
}

const NUMBER_BITS: u32 = 16;

/// A share of a [`Space`], owned by one worker at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(u64);

impl LaneId {
    /// What a store keeps, and gives back to [`LaneId::from_stored`]; never more than 63 bits.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The lane that a store kept.
    #[must_use]
    pub const fn from_stored(lane: u64) -> Self {
        Self(lane)
    }

    /// The space it is a share of.
    #[must_use]
    pub fn space(self) -> SpaceId {
        SpaceId(self.0 >> NUMBER_BITS)
    }

    /// Its number within the space: the partition, where it is one.
    #[must_use]
    pub fn number(self) -> u16 {
        u16::try_from(self.0 & u64::from(u16::MAX)).unwrap_or(u16::MAX)
    }
}

impl fmt::Display for LaneId {
    /// The number within its space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

/// Counts the owners of a lane: a writer whose epoch is old changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// What a worker asks of [`Store::hold_lanes`](super::Store::hold_lanes).
#[derive(Debug, Clone)]
pub struct LaneRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// How long a lease should run from now.
    pub lease: Duration,
    /// The spaces of which it wants its share; none while shutting down.
    pub spaces: Vec<Space>,
    /// Lanes to give up: nothing of them is in flight any more.
    pub release: Vec<LaneId>,
}

/// What a worker holds now.
#[derive(Debug, Clone, Default)]
pub struct LaneHolding {
    /// The lanes it owns.
    pub leases: Vec<LaneLease>,
    /// Lanes among them that it should give up, as others are to have them or it does not want
    /// their space any more: drain and release them.
    pub surplus: Vec<LaneId>,
}

/// One lane that this worker owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLease {
    /// The lane.
    pub lane: LaneId,
    /// Goes with every write.
    pub epoch: Epoch,
    /// How long it runs from when the store was asked.
    pub remaining: Duration,
}

/// How many of the lanes of one space a worker should have. For stores, so that all share out
/// alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many it should have.
    pub target: usize,
    /// Whether some other worker has fewer than it should.
    pub others_are_short: bool,
}

impl Share {
    /// Shares out `lanes` evenly; what is left over stays with those that hold most, so that lanes
    /// move only when they must. `held` has one count for each worker that wants the space, in an
    /// order that all agree on; `place` is that of the one that asks, none when it wants no more.
    #[must_use]
    pub fn of(lanes: usize, held: &[usize], place: Option<usize>) -> Self {
        let workers = held.len().max(1);
        let mut order: Vec<usize> = (0..held.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(held[*index]));
        let mut targets = vec![0; held.len()];
        for (rank, index) in order.into_iter().enumerate() {
            targets[index] = lanes / workers + usize::from(rank < lanes % workers);
        }
        Self {
            target: place
                .and_then(|place| targets.get(place).copied())
                .unwrap_or(0),
            others_are_short: (0..held.len())
                .any(|index| Some(index) != place && held[index] < targets[index]),
        }
    }

    /// How many it should take when it has `held`.
    #[must_use]
    pub fn missing(&self, held: usize) -> usize {
        self.target.saturating_sub(held)
    }

    /// How many of those it holds it may keep: its share when others go short, none when it wants
    /// no more (`wants`).
    #[must_use]
    pub fn keeps(&self, held: usize, wants: bool) -> usize {
        match (wants, self.others_are_short) {
            (false, _) => 0,
            (true, true) => self.target,
            (true, false) => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(lanes: usize, held: &[usize], place: usize) -> Share {
        Share::of(lanes, held, Some(place))
    }

    #[test]
    fn one_worker_gets_all() {
        let share = share(4, &[0], 0);
        assert_eq!((share.missing(0), share.others_are_short), (4, false));
    }

    #[test]
    fn a_newcomer_is_owed_its_share() {
        let share = share(4, &[4, 0], 0);
        assert_eq!((share.target, share.others_are_short), (2, true));
    }

    #[test]
    fn nobody_goes_without_while_another_has_two() {
        assert_eq!(share(4, &[2, 2, 0], 1).keeps(2, true), 1);
        assert_eq!(share(4, &[2, 2, 0], 2).missing(0), 1);
    }

    #[test]
    fn an_even_division_moves_nothing() {
        let held = [1, 2, 1];
        for (place, held_here) in held.into_iter().enumerate() {
            let share = share(4, &held, place);
            assert_eq!(
                (share.missing(held_here), share.others_are_short),
                (0, false)
            );
        }
    }

    #[test]
    fn a_lane_tells_its_space_and_number() {
        let email = SpaceId::send(&ChannelName::new("email").unwrap());
        let lane = email.lane(63);
        assert_eq!((lane.space(), lane.number()), (email, 63));
        assert_eq!(LaneId::from_stored(lane.get()), lane);
        assert!(i64::try_from(lane.get()).is_ok());
        let space = Space::send(&ChannelName::new("email").unwrap());
        assert_eq!((space.name(), space.id()), ("send/email", email));
    }

    /// Persisted.
    #[test]
    fn ids_of_spaces_stay_as_they_are() {
        let email = SpaceId::send(&ChannelName::new("email").unwrap());
        let topic = Space::bus("kafka", "mailers", "notifications", 12).id();
        assert_eq!(email.get(), 114_445_759_885_870);
        assert_eq!(topic.get(), 49_907_635_933_135);
    }
}
