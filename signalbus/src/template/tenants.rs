use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::{TemplateError, Templates};
use crate::{
    directory::{TemplateSources, TemplateVersion},
    name::TenantId,
};

/// Templates of tenants: each goes before the application's template of the same name, for that tenant.
/// Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct TenantTemplates {
    own: Arc<RwLock<HashMap<TenantId, HashMap<String, Own>>>>,
}

/// What one tenant has under one name.
#[derive(Clone)]
struct Own {
    version: u32,
    templates: Templates,
}

impl Templates {
    /// What tenants have in the place of these.
    #[must_use]
    pub fn tenants(&self) -> &TenantTemplates {
        &self.shared.tenants
    }

    /// One template with these sources, and the locale and limits of these.
    ///
    /// # Errors
    /// When a source does not compile or is too long, a locale is not a BCP 47 tag, or a name cannot be
    /// used.
    pub fn of_sources(&self, name: &str, sources: &TemplateSources) -> Result<Self, TemplateError> {
        let empty = Self::new()
            .limits(self.shared.limits)
            .default_locale(self.shared.default_locale.canonical())?;
        let parts = sources.iter().flat_map(|(locale, parts)| {
            parts
                .iter()
                .map(move |(part, source)| (locale, part, source))
        });
        parts
            .into_iter()
            .try_fold(empty, |made, (locale, part, source)| {
                made.part(name, locale, part, source)
            })
    }

    /// Uses this version for a tenant from now on, in the place of the template of this name; none to
    /// use the application's again.
    ///
    /// # Errors
    /// When it does not compile: then what was used before is used further on.
    pub fn use_for(
        &self,
        tenant: &TenantId,
        name: &str,
        version: Option<&TemplateVersion>,
    ) -> Result<(), TemplateError> {
        let own = &self.shared.tenants;
        let Some(version) = version else {
            own.remove(tenant, name);
            return Ok(());
        };
        if own.version(tenant, name) == Some(version.number) {
            return Ok(());
        }
        let templates = self.of_sources(name, &version.sources)?;
        own.put(
            tenant,
            name,
            Own {
                version: version.number,
                templates,
            },
        );
        Ok(())
    }
}

impl TenantTemplates {
    /// What this tenant has under this name.
    pub(super) fn of(&self, tenant: &TenantId, name: &str) -> Option<Templates> {
        let all = self.own.read().unwrap_or_else(PoisonError::into_inner);
        Some(all.get(tenant)?.get(name)?.templates.clone())
    }

    /// The number of the version that this tenant uses under this name.
    #[must_use]
    pub fn version(&self, tenant: &TenantId, name: &str) -> Option<u32> {
        let all = self.own.read().unwrap_or_else(PoisonError::into_inner);
        Some(all.get(tenant)?.get(name)?.version)
    }

    fn put(&self, tenant: &TenantId, name: &str, own: Own) {
        let mut all = self.own.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(tenant.clone())
            .or_default()
            .insert(name.to_owned(), own);
    }

    fn remove(&self, tenant: &TenantId, name: &str) {
        let mut all = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(tenant) {
            own.remove(name);
        }
    }
}

impl fmt::Debug for TenantTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.own.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("TenantTemplates")
            .field("tenants", &all.len())
            .finish_non_exhaustive()
    }
}
