//! The one layer through which anything is read or written: it cannot be had without a tenant.
//!
//! Engine and directory are private to this folder. A handler gets a [`Tenancy`] by asking for
//! [`By`] with the scope it needs, and that asks for a good key of a tenant; or a [`Host`], for a key of
//! the host. There is no other way to one.

mod accounts;
mod caller;
mod deliveries;
mod documents;
mod events;
mod keys;
mod lines;
mod operate;
mod pages;
mod pauses;
mod profiles;
mod quota;
mod recipients;
mod scopes;
mod state;
mod templates;
mod trail;

pub(crate) use caller::{By, ByHost};
pub(crate) use scopes::{Admin, Operate, Publish, Read, Receipts};
pub(crate) use state::ApiParts;
pub use state::ApiState;

use signalbus_core::{TenantId, directory::Owner};

/// What one tenant may see and do, by the hand of one key.
#[derive(Clone)]
pub(crate) struct Tenancy {
    state: ApiState,
    tenant: TenantId,
    actor: String,
}

/// What the host may see and do beside the things of tenants.
#[derive(Clone)]
pub(crate) struct Host {
    state: ApiState,
    actor: String,
}

impl Tenancy {
    /// Whose things they are.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn owner(&self) -> Owner {
        Owner::Tenant(self.tenant.clone())
    }

    /// Writes into the trail what was done in the store.
    async fn done(
        &self,
        action: &str,
        target: impl Into<String>,
    ) -> crate::api::problem::Answer<()> {
        let done = signalbus_core::directory::Done {
            owner: self.owner(),
            action: action.to_owned(),
            target: target.into(),
        };
        self.state.directory().record(&self.actor, done).await?;
        Ok(())
    }
}
