//! The directory in the same schema.

mod change;
mod entries;
mod spend;
mod trail;

use std::sync::Arc;

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

use crate::{
    PostgresStore,
    database::{Mode, Use},
};

/// A call of the application on values that are cloned for each try.
macro_rules! call {
    ($store:expr, $mode:ident, [$($value:ident),*], $link:ident => $work:expr) => {
        $store
            .database()
            .call(Use::Application, Mode::$mode, move |$link| {
                $(let $value = $value.clone();)*
                Box::pin(async move { $work.await })
            })
            .await
    };
}

#[async_trait]
impl Directory for PostgresStore {
    async fn entry(
        &self,
        owner: &Owner,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let (owner, name) = (owner.clone(), name.to_owned());
        call!(self, Read, [owner, name], link => entries::entry(link, &owner, kind, &name))
    }

    async fn key(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let id = id.to_owned();
        call!(self, Read, [id], link => entries::key(link, &id))
    }

    async fn entries(
        &self,
        owner: &Owner,
        kind: Kind,
        page: NamePage,
    ) -> Result<Vec<Entry>, StoreError> {
        let owner = owner.clone();
        call!(self, Read, [owner, page], link => entries::entries(link, &owner, kind, &page))
    }

    async fn changed(&self, kind: Kind, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        call!(self, Read, [], link => entries::changed(link, kind, after, limit))
    }

    async fn change(&self, actor: &str, changes: Vec<Change>) -> Result<Changed, StoreError> {
        check_changes(&changes)?;
        let (actor, changes) = (actor.to_owned(), Arc::new(changes));
        call!(self, Transaction, [actor, changes], link => change::change(link, &actor, &changes))
    }

    async fn used(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let id = id.to_owned();
        call!(self, Once, [id], link => entries::used(link, &id, at))
    }

    async fn record(&self, actor: &str, done: Done) -> Result<u64, StoreError> {
        let actor = actor.to_owned();
        call!(self, Transaction, [actor, done], link => trail::record(link, &actor, &done))
    }

    async fn trail(&self, owner: &Owner, filter: TrailFilter) -> Result<Vec<Trail>, StoreError> {
        let owner = owner.clone();
        call!(self, Read, [owner, filter], link => trail::trail(link, &owner, &filter))
    }

    async fn spend(
        &self,
        tenant: &TenantId,
        amount: i64,
        budgets: Vec<Budget>,
    ) -> Result<Spending, StoreError> {
        let tenant = tenant.clone();
        call!(self, Transaction, [tenant, budgets], link => spend::spend(link, &tenant, amount, &budgets))
    }
}
