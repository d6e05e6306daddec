use signalbus_core::directory::{Owner, Trail, TrailFilter};

use super::{Host, Tenancy};
use crate::api::problem::Answer;

impl Tenancy {
    /// What was done to the things of this tenant.
    pub(crate) async fn trail(&self, filter: TrailFilter) -> Answer<Vec<Trail>> {
        Ok(self.state.directory().trail(&self.owner(), filter).await?)
    }
}

impl Host {
    /// What was done to the things of the host.
    pub(crate) async fn trail(&self, filter: TrailFilter) -> Answer<Vec<Trail>> {
        Ok(self.state.directory().trail(&Owner::Host, filter).await?)
    }

    /// How many lines a page has.
    pub(crate) fn page_limit(&self, asked: Option<u32>) -> Answer<u32> {
        super::pages::page_limit(self.state.limits(), asked)
    }
}
