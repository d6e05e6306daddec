use std::time::Duration;

use signalbus_core::directory::{
    NamePage,
    keys::{KeyRecord, NewKey, Token},
};

use super::Tenancy;
use crate::api::{problem::Answer, words::KeyIn};

impl Tenancy {
    /// Makes a key of this tenant.
    pub(crate) async fn issue_key(&self, asked: KeyIn) -> Answer<(Token, KeyRecord)> {
        let mut new = NewKey::new(self.owner(), asked.label, asked.scopes);
        new.expires_at = asked.expires_at;
        Ok(self.state.keys().issue(&self.actor, new).await?)
    }

    /// Keys of this tenant.
    pub(crate) async fn keys(&self, page: NamePage) -> Answer<Vec<KeyRecord>> {
        Ok(self.state.keys().list(&self.owner(), page).await?)
    }

    /// One key of this tenant.
    pub(crate) async fn key(&self, id: &str) -> Answer<KeyRecord> {
        Ok(self.state.keys().get(&self.owner(), id).await?)
    }

    /// Makes a new key in the place of one of this tenant.
    pub(crate) async fn rotate_key(
        &self,
        id: &str,
        overlap: Duration,
    ) -> Answer<(Token, KeyRecord)> {
        let keys = self.state.keys();
        Ok(keys.rotate(&self.actor, &self.owner(), id, overlap).await?)
    }

    /// Refuses a key of this tenant from now on.
    pub(crate) async fn revoke_key(&self, id: &str) -> Answer<KeyRecord> {
        let keys = self.state.keys();
        Ok(keys.revoke(&self.actor, &self.owner(), id).await?)
    }
}
