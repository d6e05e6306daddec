//! One connection to a server: lettre writes the commands and reads the replies, we keep the stage,
//! the deadlines and what the server said.

mod deadline;
mod extensions;
mod failure;
mod filter;
mod open;
mod reply;
mod session;
mod sign_in;
mod split;
mod stage;
mod transaction;
mod wire;

pub(crate) use deadline::within;
pub(crate) use extensions::Extensions;
pub(crate) use failure::{Cause, Failure, Lack};
#[cfg(feature = "__fuzzing")]
pub(crate) use filter::ReplyFilter;
pub(crate) use open::{Connector, open};
pub(crate) use reply::{Enhanced, Reply};
pub(crate) use session::Session;
pub(crate) use split::SPLITTING;
pub(crate) use stage::Stage;
pub(crate) use transaction::{Answers, Envelope};
