//! A server for the routers, for hosts that have none of their own: it drops clients that are slow to
//! say what they want, takes so many connections and no more, and stops in an orderly way.

mod accept;
mod options;
mod peer;
mod task;

pub use accept::serve;
pub use options::ServeOptions;
pub use peer::Peer;
