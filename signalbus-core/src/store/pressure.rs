/// How busy a store is at one moment; see [`Store::pressure`](super::Store::pressure).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pressure {
    /// The pools of connections, each by its name.
    pub pools: Vec<PoolUse>,
    /// How often a call has had to wait for another one that writes, or was tried again because it met one,
    /// since the store was opened.
    pub lock_waits: u64,
}

/// How one pool of connections is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// What it is for: one of a few words.
    pub name: &'static str,
    /// Connections that are used now.
    pub in_use: u64,
    /// Connections that are open and not used.
    pub idle: u64,
    /// Calls that wait for one.
    pub waiting: u64,
}

impl Pressure {
    /// Of these pools.
    #[must_use]
    pub fn of(pools: Vec<PoolUse>, lock_waits: u64) -> Self {
        Self { pools, lock_waits }
    }
}
