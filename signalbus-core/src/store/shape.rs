/// What a store keeps beyond the plain delivery. An old store that ignored one of these would send what
/// must not be sent: so it says what it keeps, and the engine refuses what needs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// [`Next::Later`](super::Next::Later), and `tries` apart from `attempt`.
    Later,
    /// [`NewDelivery::after`](super::NewDelivery).
    After,
    /// Pauses, and deliveries that they hold.
    Held,
    /// [`NewDelivery::pool`](super::NewDelivery): it is in [`Ready`](super::Ready) and in
    /// [`Group`](super::Group).
    Pool,
    /// [`NewDelivery::gather`](super::NewDelivery).
    Gather,
    /// [`NewDelivery::watched`](super::NewDelivery).
    Watched,
    /// [`Claimed::address`](super::Claimed) tells which of a recipient's addresses it goes to.
    Addresses,
    /// [`Claim::takes`](super::Claim) and [`Settle::refunds`](super::Settle).
    Takes,
    /// [`Effect::Accept`](super::Effect::Accept), and [`NewEvent::parent`](super::NewEvent).
    Children,
    /// [`Settle::memo`](super::Settle) comes back in [`Ready`](super::Ready).
    Memo,
}

impl Shape {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Later,
        Self::After,
        Self::Held,
        Self::Pool,
        Self::Gather,
        Self::Watched,
        Self::Addresses,
        Self::Takes,
        Self::Children,
        Self::Memo,
    ];

    /// The name in errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::After => "after",
            Self::Held => "held",
            Self::Pool => "pool",
            Self::Gather => "gather",
            Self::Watched => "watched",
            Self::Addresses => "addresses",
            Self::Takes => "takes",
            Self::Children => "children",
            Self::Memo => "memo",
        }
    }

    pub(super) const fn bit(self) -> u64 {
        1 << self as u32
    }
}
