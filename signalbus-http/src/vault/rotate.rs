use std::sync::Arc;

use signalbus_core::{
    TenantId,
    directory::{Directory, Documents, Expect, Owner, ProviderAccount},
    store::StoreError,
};

use super::{Vault, place_of};

/// What a rotation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// How many accounts were wrapped with the current master key.
    pub wrapped: u64,
    /// Accounts that do not open: under a master key that is not known, or damaged. They stay as they are.
    pub closed: Vec<(TenantId, String)>,
}

/// How many accounts are read at once.
const AT_ONCE: u32 = 100;

impl Vault {
    /// Wraps the accounts of all tenants in a directory with the current master key. Nothing that is secret
    /// is opened. When none is [`closed`](Rotation::closed), the previous keys may go.
    ///
    /// Run it after each change of the master key, beside whatever runs: an account that is changed meanwhile
    /// is looked at again. Dropped or failed half way, it goes on where it was when it is called again.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn rotate(
        &self,
        directory: Arc<dyn Directory>,
        actor: &str,
    ) -> Result<Rotation, StoreError> {
        let accounts = Documents::<ProviderAccount>::new(directory);
        let (mut rotation, mut after) = (Rotation::default(), 0);
        loop {
            // What is wrapped gets a new revision, and comes again at the end, where nothing is to be done.
            let page = accounts.changed(after, AT_ONCE).await?;
            let Some(last) = page.last() else {
                return Ok(rotation);
            };
            after = last.revision;
            for kept in page {
                let Owner::Tenant(tenant) = &kept.owner else {
                    continue;
                };
                match self.rewrap(&place_of(tenant, &kept.name), &kept.says.sealed) {
                    Ok(None) => {}
                    Ok(Some(sealed)) => {
                        let mut account = kept.says;
                        account.sealed = sealed;
                        let (expect, action) =
                            (Expect::Revision(kept.revision), "account.rewrapped");
                        let put =
                            accounts.put(actor, &kept.owner, &kept.name, expect, &account, action);
                        rotation.wrapped += u64::from(put.await?.is_some());
                    }
                    Err(_) => rotation.closed.push((tenant.clone(), kept.name)),
                }
            }
        }
    }
}
