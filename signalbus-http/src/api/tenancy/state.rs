use std::{fmt, sync::Arc};

use signalbus_core::{Clock, Directory, directory::Keys};

use crate::{
    api::{ApiLimits, Engine, FixedKey, manners::Rates},
    vault::Vault,
};

/// What handlers share: the state of the router that [`Api::own`] takes. What is in it is for this crate.
///
/// [`Api::own`]: crate::Api::own
#[derive(Clone)]
pub struct ApiState(Arc<ApiParts>);

/// What a state is made from.
pub(crate) struct ApiParts {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: ApiLimits,
    pub(crate) rates: Option<Rates>,
    pub(crate) vault: Option<Vault>,
    pub(crate) over_bus: bool,
    pub(crate) fixed_keys: Vec<FixedKey>,
}

impl ApiState {
    pub(crate) fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn limits(&self) -> &ApiLimits {
        &self.0.limits
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Whether the directory answers.
    pub(crate) async fn check(&self) -> Result<(), signalbus_core::store::StoreError> {
        self.directory().key("").await.map(drop)
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.engine.trouble()
    }

    pub(super) fn engine(&self) -> &dyn Engine {
        &*self.0.engine
    }

    pub(super) fn directory(&self) -> &dyn Directory {
        &*self.0.directory
    }

    pub(super) fn shared_directory(&self) -> &Arc<dyn Directory> {
        &self.0.directory
    }

    pub(super) fn over_bus(&self) -> bool {
        self.0.over_bus
    }

    pub(super) fn fixed_keys(&self) -> &[FixedKey] {
        &self.0.fixed_keys
    }

    pub(super) fn vault(&self) -> Option<&Vault> {
        self.0.vault.as_ref()
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn rates(&self) -> Option<&Rates> {
        self.0.rates.as_ref()
    }
}

impl fmt::Debug for ApiState {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").finish_non_exhaustive()
    }
}
