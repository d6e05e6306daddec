//! The directory in the same file.

mod change;
mod entries;
mod spend;
mod trail;

use async_trait::async_trait;
use signalbus_core::{
    clock::Timestamp,
    directory::{
        Budget, Change, Changed, Directory, Done, Entry, Kind, NamePage, Owner, Spending, Trail,
        TrailFilter, check_changes,
    },
    name::TenantId,
    store::StoreError,
};

use crate::SqliteStore;

#[async_trait]
impl Directory for SqliteStore {
    async fn entry(
        &self,
        owner: &Owner,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let (owner, name) = (owner.clone(), name.to_owned());
        self.read(move |conn| {
            Box::pin(async move { entries::entry(conn, &owner, kind, &name).await })
        })
        .await
    }

    async fn key(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let id = id.to_owned();
        self.read(move |conn| Box::pin(async move { entries::key(conn, &id).await }))
            .await
    }

    async fn entries(
        &self,
        owner: &Owner,
        kind: Kind,
        page: NamePage,
    ) -> Result<Vec<Entry>, StoreError> {
        let owner = owner.clone();
        self.read(move |conn| {
            Box::pin(async move { entries::entries(conn, &owner, kind, &page).await })
        })
        .await
    }

    async fn changed(&self, kind: Kind, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.read(move |conn| {
            Box::pin(async move { entries::changed(conn, kind, after, limit).await })
        })
        .await
    }

    async fn change(&self, actor: &str, changes: Vec<Change>) -> Result<Changed, StoreError> {
        check_changes(&changes)?;
        let (now, actor) = (self.now(), actor.to_owned());
        self.write(move |conn| {
            Box::pin(async move { change::change(conn, now, &actor, &changes).await })
        })
        .await
    }

    async fn used(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| Box::pin(async move { entries::used(conn, &id, at).await }))
            .await
    }

    async fn record(&self, actor: &str, done: Done) -> Result<u64, StoreError> {
        let (now, actor) = (self.now(), actor.to_owned());
        self.write(move |conn| {
            Box::pin(async move { trail::record(conn, now, &actor, &done).await })
        })
        .await
    }

    async fn trail(&self, owner: &Owner, filter: TrailFilter) -> Result<Vec<Trail>, StoreError> {
        let owner = owner.clone();
        self.read(move |conn| Box::pin(async move { trail::trail(conn, &owner, &filter).await }))
            .await
    }

    async fn spend(
        &self,
        tenant: &TenantId,
        amount: i64,
        budgets: Vec<Budget>,
    ) -> Result<Spending, StoreError> {
        let tenant = tenant.clone();
        self.write(move |conn| {
            Box::pin(async move { spend::spend(conn, &tenant, amount, &budgets).await })
        })
        .await
    }
}
