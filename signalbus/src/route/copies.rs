//! Who gets a message beside the one it is for: nobody who is on the suppression list, and nobody twice.

use std::time::Duration;

use super::{Attempted, Job, Route as _, TypedRoute, message::Made};
use crate::{
    chain::Chain,
    channel::Channel,
    store::{AddressHash, Listed, Store, hash_address},
};

/// How long a delivery waits when the list could not be read.
const LIST_AWAY: Duration = Duration::from_secs(1);

impl<C: Channel> TypedRoute<C> {
    /// Takes those out of a message to whom no copy may go. The list is read before each try: it may have grown
    /// since the last one.
    pub(super) async fn check_copies(
        &self,
        store: &dyn Store,
        job: &Job,
        made: &mut Made<C::Message>,
    ) -> Result<(), Box<Attempted>> {
        let message = &mut made.rendering.message;
        let hash = |address: &C::Address| hash_address(&self.name, address);
        let copies: Vec<AddressHash> = self.channel.copies(message).iter().map(hash).collect();
        if copies.is_empty() {
            return Ok(());
        }
        let sender = self.sender(&job.event.tenant, job.content.options.get(C::NAME));
        let asked = copies.iter().map(|address| {
            let mut listed = Listed::new(job.event.tenant.clone(), self.name.clone(), *address);
            listed.sender.clone_from(&sender);
            listed.category.clone_from(&job.content.category);
            listed
        });
        let found = match store.suppressed(asked.collect()).await {
            Ok(found) => found,
            Err(error) if error.is_transient() => {
                let why = Chain(&error).to_string();
                return Err(Box::new(Attempted::returned(LIST_AWAY, &why)));
            }
            Err(error) => {
                tracing::warn!(
                    error = %Chain(&error), delivery.id = %job.id,
                    "nobody can say who may get a copy, and so nobody does"
                );
                Vec::new()
            }
        };
        let may = |address: &AddressHash| {
            let place = copies.iter().position(|copy| copy == address);
            place
                .and_then(|place| found.get(place))
                .is_some_and(Option::is_none)
        };
        if copies.iter().all(may) {
            return Ok(());
        }
        tracing::info!(delivery.id = %job.id, "copies to suppressed addresses are left out");
        self.channel
            .retain_copies(message, &|address| may(&hash(address)));
        Ok(())
    }
}
