use std::sync::Arc;

use signalbus_core::directory::{Document, Documents, Expect, Kept, NamePage, Owner};

use super::{Host, Tenancy, pages};
use crate::api::{
    input::Match,
    problem::{Answer, Problem, Wrong},
    words::PageQuery,
};

impl Tenancy {
    /// One document of this tenant.
    pub(crate) async fn document<T: Document>(&self, name: &str) -> Answer<Kept<T>> {
        let found = self.state.documents().get(&self.owner(), name).await?;
        found.ok_or_else(|| Problem::not_found(T::KIND.as_str()))
    }

    /// Documents of this tenant, a page at a time.
    pub(crate) async fn documents<T: Document>(&self, page: NamePage) -> Answer<Vec<Kept<T>>> {
        Ok(self.state.documents().list(&self.owner(), page).await?)
    }

    /// Writes a document of this tenant, when what is there is what was asked for.
    pub(crate) async fn put<T: Document>(
        &self,
        name: &str,
        expect: Match,
        says: &T,
        action: &str,
    ) -> Answer<u64> {
        put(
            &self.state.documents(),
            &self.actor,
            &self.owner(),
            name,
            expect,
            says,
            action,
        )
        .await
    }

    /// Removes a document of this tenant.
    pub(crate) async fn remove<T: Document>(
        &self,
        name: &str,
        expect: Match,
        action: &str,
    ) -> Answer<()> {
        let documents: Documents<T> = self.state.documents();
        remove(&documents, &self.actor, &self.owner(), name, expect, action).await
    }
}

impl Host {
    /// One document of the host.
    pub(crate) async fn document<T: Document>(&self, name: &str) -> Answer<Kept<T>> {
        let found = self.state.documents().get(&Owner::Host, name).await?;
        found.ok_or_else(|| Problem::not_found(T::KIND.as_str()))
    }

    /// Documents of the host, a page at a time.
    pub(crate) async fn documents<T: Document>(&self, page: NamePage) -> Answer<Vec<Kept<T>>> {
        Ok(self.state.documents().list(&Owner::Host, page).await?)
    }

    /// Writes a document of the host, when what is there is what was asked for.
    pub(crate) async fn put<T: Document>(
        &self,
        name: &str,
        expect: Match,
        says: &T,
        action: &str,
    ) -> Answer<u64> {
        put(
            &self.state.documents(),
            &self.actor,
            &Owner::Host,
            name,
            expect,
            says,
            action,
        )
        .await
    }

    /// A page of a list of names.
    pub(crate) fn name_page(&self, query: PageQuery) -> Answer<NamePage> {
        pages::name_page(self.state.limits(), query)
    }
}

async fn put<T: Document>(
    documents: &Documents<T>,
    actor: &str,
    owner: &Owner,
    name: &str,
    expect: Match,
    says: &T,
    action: &str,
) -> Answer<u64> {
    let put = documents.put(actor, owner, name, expect.expect(), says, action);
    put.await?.ok_or_else(|| expect.missed())
}

async fn remove<T: Document>(
    documents: &Documents<T>,
    actor: &str,
    owner: &Owner,
    name: &str,
    expect: Match,
    action: &str,
) -> Answer<()> {
    let Some(there) = documents.get(owner, name).await? else {
        return Err(Problem::not_found(T::KIND.as_str()));
    };
    let expected = match expect.expect() {
        Expect::Any => Expect::Revision(there.revision),
        expected => expected,
    };
    if documents
        .remove(actor, owner, name, expected, action)
        .await?
    {
        return Ok(());
    }
    Err(expect.missed())
}

impl super::ApiState {
    /// Documents of one kind, of whoever is named with each call.
    pub(super) fn documents<T: Document>(&self) -> Documents<T> {
        Documents::new(Arc::clone(self.shared_directory()))
    }
}

impl Match {
    fn missed(self) -> Problem {
        let detail = match self.expect() {
            Expect::Absent => "it is there already: read it, and change that",
            _ => "it was changed since: read it again, and repeat the change on that",
        };
        Problem::new(Wrong::Precondition, detail)
    }
}
