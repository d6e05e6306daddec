use std::{sync::Arc, time::Duration};

use super::Signalbus;
use crate::{
    chain::Chain,
    directory::{Directory, Documents, Owner, TemplateVersions},
    store::StoreError,
};

/// How often it is looked for what others have published.
const EVERY: Duration = Duration::from_secs(2);
/// Templates read at once.
const BATCH: u32 = 100;

impl Signalbus {
    /// Uses the templates that tenants have published, and gives a place to follow them from. One that
    /// does not compile is left out, and said in the log.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn load_templates(
        &self,
        directory: &Arc<dyn Directory>,
        mut after: u64,
    ) -> Result<u64, StoreError> {
        let documents = Documents::<TemplateVersions>::new(Arc::clone(directory));
        loop {
            let changed = documents.changed(after, BATCH).await?;
            let Some(last) = changed.last() else {
                return Ok(after);
            };
            after = last.revision;
            for kept in &changed {
                let Owner::Tenant(tenant) = &kept.owner else {
                    continue;
                };
                let templates = &self.shared().templates;
                if let Err(error) = templates.use_for(tenant, &kept.name, kept.says.published()) {
                    tracing::error!(
                        error = %Chain(&error),
                        template = kept.name,
                        "a template of a tenant is not used"
                    );
                }
            }
        }
    }

    /// Follows from that place what tenants publish, here or in other processes, for as long as it is
    /// polled: within a few seconds it is used. Cancel safe.
    pub async fn follow_templates(&self, directory: Arc<dyn Directory>, mut after: u64) {
        loop {
            self.shared().clock.sleep(EVERY).await;
            match self.load_templates(&directory, after).await {
                Ok(last) => after = last,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "templates of tenants are not followed");
                }
            }
        }
    }
}
