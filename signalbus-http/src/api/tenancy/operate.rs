use signalbus_core::store::{
    Cancel, CancelTarget, Cancelled, Cause, Listed, Redrive, Redriven, Scope, Suppression,
    Unsuppress,
};

use super::Tenancy;
use crate::api::{
    problem::{Answer, Problem},
    words::{RedriveIn, SuppressionList, SuppressionQuery},
};

impl Tenancy {
    /// Calls off what was not sent yet.
    pub(crate) async fn cancel(&self, target: CancelTarget) -> Answer<Vec<Cancelled>> {
        let cancel = Cancel {
            target,
            actor: self.actor.clone(),
        };
        let store = self.state.engine().store();
        let cancelled = store.cancel(&self.tenant, cancel).await?;
        let (what, action, id) = match target {
            CancelTarget::Event(id) => ("event", "event.cancelled", id.to_string()),
            CancelTarget::Delivery(id) => ("delivery", "delivery.cancelled", id.to_string()),
            _ => ("delivery", "cancelled", String::from("?")),
        };
        if cancelled.is_empty() {
            return Err(Problem::not_found(what));
        }
        self.done(action, id).await?;
        Ok(cancelled)
    }

    /// Gives ended deliveries of this tenant a new generation, or counts which.
    pub(crate) async fn redrive(&self, asked: RedriveIn) -> Answer<Redriven> {
        let redrive = asked.into_redrive(self.tenant.clone(), self.actor.clone())?;
        let Redrive { dry_run, .. } = redrive;
        let redriven = self.state.engine().redrive(redrive).await?;
        if !dry_run && !redriven.started.is_empty() {
            let count = redriven.started.len();
            self.done("deliveries.redriven", format!("{count} deliveries"))
                .await?;
        }
        Ok(redriven)
    }

    /// Puts an address on the list of this tenant.
    pub(crate) async fn suppress(
        &self,
        channel: &str,
        address: &str,
        cause: Cause,
        scope: Scope,
    ) -> Answer<()> {
        let engine = self.state.engine();
        let (channel, hash) = engine.address(&self.tenant, channel, address)?;
        let on = channel.to_string();
        let entry = Suppression::new(self.tenant.clone(), channel, hash, cause).within(scope);
        engine.store().suppress(vec![entry]).await?;
        self.done("address.suppressed", on).await
    }

    /// Takes an address off the list of this tenant; says whether it was on it.
    pub(crate) async fn unsuppress(
        &self,
        channel: &str,
        address: &str,
        scope: Scope,
    ) -> Answer<bool> {
        let engine = self.state.engine();
        let (channel, hash) = engine.address(&self.tenant, channel, address)?;
        let on = channel.to_string();
        let which = Unsuppress::new(self.tenant.clone(), channel, hash).within(scope);
        let removed = engine.store().unsuppress(which).await?;
        if removed {
            self.done("address.unsuppressed", on).await?;
        }
        Ok(removed)
    }

    /// A page of the list of this tenant.
    pub(crate) async fn suppressions(&self, query: &SuppressionQuery) -> Answer<SuppressionList> {
        let limit = self.page_limit(query.limit)?;
        let filter = query.filter(self.tenant.clone(), limit)?;
        let entries = self.state.engine().store().suppressions(&filter).await?;
        Ok(SuppressionList::of(entries, limit))
    }

    /// What stands against a message to this address.
    pub(crate) async fn suppressed(
        &self,
        channel: &str,
        address: &str,
        scope: Scope,
    ) -> Answer<Option<Suppression>> {
        let engine = self.state.engine();
        let (channel, hash) = engine.address(&self.tenant, channel, address)?;
        let mut listed = Listed::new(self.tenant.clone(), channel, hash);
        listed.sender = scope.sender;
        listed.category = scope.category;
        let answers = engine.store().suppressed(vec![listed]).await?;
        Ok(answers.into_iter().next().flatten())
    }
}
