use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{Change, Changed, Directory, Entry, Expect, Kind, NamePage, Owner};
use crate::{
    clock::Timestamp,
    store::{StoreError, StoreErrorKind},
};

/// What an entry of one kind says.
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of its entries.
    const KIND: Kind;
}

/// The entries of one kind, as what they say. Cheap to clone.
pub struct Documents<T> {
    directory: Arc<dyn Directory>,
    says: PhantomData<fn() -> T>,
}

/// A document, and where it stands.
#[derive(Clone)]
#[non_exhaustive]
pub struct Kept<T> {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// For the next change.
    pub revision: u64,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// What it says.
    pub says: T,
}

impl<T> fmt::Debug for Kept<T> {
    /// Shows neither name nor content: they may have addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("owner", &self.owner)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl<T: Document> Kept<T> {
    /// Reads an entry of this kind.
    ///
    /// # Errors
    /// When it does not say what documents of this kind say.
    pub fn of(entry: Entry) -> Result<Self, StoreError> {
        let says = serde_json::from_value(entry.body).map_err(|source| {
            let problem = format!("a {} of the directory cannot be read", T::KIND.as_str());
            StoreError::new(StoreErrorKind::Corrupt, problem).with_source(source)
        })?;
        Ok(Self {
            owner: entry.owner,
            name: entry.name,
            revision: entry.revision,
            changed_at: entry.changed_at,
            says,
        })
    }
}

impl<T> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Self {
            directory: Arc::clone(&self.directory),
            says: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Documents<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents")
            .field("directory", &self.directory)
            .finish()
    }
}

impl<T: Document> Documents<T> {
    /// The documents of this kind in a directory.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>) -> Self {
        Self {
            directory,
            says: PhantomData,
        }
    }

    /// One of an owner.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn get(&self, owner: &Owner, name: &str) -> Result<Option<Kept<T>>, StoreError> {
        let entry = self.directory.entry(owner, T::KIND, name).await?;
        entry.map(Kept::of).transpose()
    }

    /// Those of an owner, in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn list(&self, owner: &Owner, page: NamePage) -> Result<Vec<Kept<T>>, StoreError> {
        let entries = self.directory.entries(owner, T::KIND, page).await?;
        entries.into_iter().map(Kept::of).collect()
    }

    /// Those of all owners that were changed after this revision, in the order of their changes: for
    /// who follows them, and never for a caller from outside.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn changed(&self, after: u64, limit: u32) -> Result<Vec<Kept<T>>, StoreError> {
        let entries = self.directory.changed(T::KIND, after, limit).await?;
        entries.into_iter().map(Kept::of).collect()
    }

    /// Writes one, when what is there is what is expected; the new revision, or none when it is not.
    ///
    /// # Errors
    /// When the directory did not do it.
    pub async fn put(
        &self,
        actor: &str,
        owner: &Owner,
        name: &str,
        expect: Expect,
        says: &T,
        action: &str,
    ) -> Result<Option<u64>, StoreError> {
        let body = serde_json::to_value(says).map_err(|source| {
            StoreError::new(StoreErrorKind::Invalid, "a document cannot be written")
                .with_source(source)
        })?;
        self.change(actor, owner, name, expect, Some(body), action)
            .await
    }

    /// Removes one, when what is there is what is expected; says whether it was.
    ///
    /// # Errors
    /// When the directory did not do it.
    pub async fn remove(
        &self,
        actor: &str,
        owner: &Owner,
        name: &str,
        expect: Expect,
        action: &str,
    ) -> Result<bool, StoreError> {
        let changed = self
            .change(actor, owner, name, expect, None, action)
            .await?;
        Ok(changed.is_some())
    }

    async fn change(
        &self,
        actor: &str,
        owner: &Owner,
        name: &str,
        expect: Expect,
        body: Option<serde_json::Value>,
        action: &str,
    ) -> Result<Option<u64>, StoreError> {
        let change = Change {
            owner: owner.clone(),
            kind: T::KIND,
            name: name.to_owned(),
            expect,
            body,
            action: action.to_owned(),
        };
        match self.directory.change(actor, vec![change]).await? {
            Changed::Done(revisions) => Ok(revisions.first().copied()),
            Changed::Conflict(_) => Ok(None),
        }
    }
}
