use std::{fmt, time::Duration};

use sha2::{Digest, Sha256};

use crate::{id::WorkerId, name::TenantId};

/// A share of the keyspace, owned by one worker at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u16);

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Counts the owners of a lane: a writer whose epoch is old changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Decides the lane of a delivery: the first 8 bytes (big endian) of SHA-256 over tenant, NUL and
/// recipient key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaneKey(pub u64);

impl LaneKey {
    /// Hashes a recipient key: the application's id of the person, else the normal address.
    #[must_use]
    pub fn of(tenant: &TenantId, recipient_key: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant.as_str());
        hasher.update([0]);
        hasher.update(recipient_key);
        let digest: [u8; 32] = hasher.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// The lane, of `lanes` in all; `lanes` of zero counts as one.
    #[must_use]
    pub fn lane(self, lanes: u16) -> LaneId {
        let lane = self.0 % u64::from(lanes.max(1));
        LaneId(u16::try_from(lane).unwrap_or(0))
    }
}

/// What a worker asks of [`Store::hold_lanes`](super::Store::hold_lanes).
#[derive(Debug, Clone)]
pub struct LaneRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// How long a lease should run from now.
    pub lease: Duration,
    /// Whether to take lanes that are free; false while shutting down.
    pub take: bool,
    /// Lanes to give up: nothing of them is in flight any more.
    pub release: Vec<LaneId>,
}

/// What a worker holds now.
#[derive(Debug, Clone, Default)]
pub struct LaneHolding {
    /// The lanes it owns.
    pub leases: Vec<LaneLease>,
    /// Lanes among them that other workers should have: drain and release them.
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
