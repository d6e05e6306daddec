//! Limits on how often something may be done, shared between processes.

mod local_share;

pub use local_share::LocalShare;
pub use signalbus_core::limit::{
    Ask, Level, Limit, LimitError, LimitErrorKind, LimitKey, Limiter, MemoryLimiter, Slots,
    check_asks,
};
