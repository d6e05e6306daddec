//! What providers call back with.

mod inbound;
mod intake;
mod key;
mod record;
mod router;
mod source;

pub use inbound::InboundHandler;
pub use intake::{ReceiptIntake, RepairError, Taken};
pub use key::{KeyError, ReceiptKey};
pub use source::{Endpoint, Scope};
