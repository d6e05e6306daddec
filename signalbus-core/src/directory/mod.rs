//! Directories: tenants, keys, recipients, templates and provider accounts, beside the store.
//!
//! A [`Directory`] keeps small documents by owner, kind and name, and writes with each change who made
//! it. What the documents say is not its business: [`Keys`] and the other types over it know that.

mod budget;
mod change;
mod document;
mod documents;
mod entry;
pub mod keys;
mod memory;
mod owner;
mod trail;

pub use budget::{Budget, Spending};
pub use change::{Change, Changed, Expect, check_changes};
pub use document::{Document, Documents, Kept};
pub use documents::{
    ProviderAccount, Quota, RecipientProfile, TemplateSources, TemplateVersion, TemplateVersions,
    TenantProfile,
};
pub use entry::{Entry, Kind, LONGEST_NAME, NamePage};
pub use keys::Keys;
pub use memory::MemoryDirectory;
pub use owner::Owner;
pub use trail::{Done, Trail, TrailFilter};

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{clock::Timestamp, name::TenantId, store::StoreError};

/// Keeps documents of a host and of its tenants, who changed them, and what tenants have used up.
///
/// For the caller: [`Keys`] and its neighbours are what to use; they say what is in a document.
///
/// For the implementer: every method is one transaction, and durable when it answers `Ok` if the store
/// beside it is. Nothing of one [`Owner`] is ever answered for another one. A future may be dropped at
/// any await: what it does must then happen whole or not at all. What was written is read at once by
/// every process that shares the directory: a key that was revoked must be refused by all of them.
#[async_trait]
pub trait Directory: Debug + Send + Sync + 'static {
    /// One entry; none when this owner has no such entry.
    ///
    /// # Errors
    /// When the directory cannot be read.
    async fn entry(
        &self,
        owner: &Owner,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Entry>, StoreError>;

    /// The entry of kind [`Kind::Key`] with this name, whosever it is: who comes with a key has not
    /// said yet who they are. For nothing else.
    ///
    /// # Errors
    /// When the directory cannot be read.
    async fn key(&self, id: &str) -> Result<Option<Entry>, StoreError>;

    /// The entries of an owner and kind in the order of the bytes of their names, at most
    /// [`NamePage::limit`].
    ///
    /// # Errors
    /// When the directory cannot be read.
    async fn entries(
        &self,
        owner: &Owner,
        kind: Kind,
        page: NamePage,
    ) -> Result<Vec<Entry>, StoreError>;

    /// The entries of a kind of all owners that were changed after this revision, in the order of their
    /// revisions, at most `limit`. For who follows what is published, and never for a caller from
    /// outside. What was removed does not come.
    ///
    /// To be correct it must: leave out no change with a lower revision that is still being made.
    ///
    /// # Errors
    /// When the directory cannot be read.
    async fn changed(&self, kind: Kind, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError>;

    /// Makes all of these changes, or none when one of them finds another state than it expects; each
    /// with a line in the trail, whose number becomes the revision of the entry.
    ///
    /// To be correct it must: compare and write in one transaction; give revisions that rise and never
    /// come again, not even for an entry that was removed and made anew; keep names of keys unique
    /// over all owners (the second one is a [`Changed::Conflict`]).
    ///
    /// # Errors
    /// Nothing was changed, unless the kind is
    /// [`Ambiguous`](crate::store::StoreErrorKind::Ambiguous).
    /// [`Invalid`](crate::store::StoreErrorKind::Invalid) for what [`check_changes`] refuses.
    async fn change(&self, actor: &str, changes: Vec<Change>) -> Result<Changed, StoreError>;

    /// Notes that a key was used at this time, unless it was used later. It is no change: revision and
    /// trail stay. Nothing happens when there is no such key.
    ///
    /// # Errors
    /// When it was not noted.
    async fn used(&self, id: &str, at: Timestamp) -> Result<(), StoreError>;

    /// Writes a line into the trail about what was done elsewhere, in the store say.
    ///
    /// # Errors
    /// When it was not written.
    async fn record(&self, actor: &str, done: Done) -> Result<u64, StoreError>;

    /// The lines about an owner, newest first, at most [`TrailFilter::limit`].
    ///
    /// # Errors
    /// When the directory cannot be read.
    async fn trail(&self, owner: &Owner, filter: TrailFilter) -> Result<Vec<Trail>, StoreError>;

    /// Takes `amount` from all of these budgets of a tenant, or from none when one of them has less
    /// left. A negative amount gives back, never below nothing used.
    ///
    /// # Errors
    /// When the directory did not do it: nothing was taken.
    async fn spend(
        &self,
        tenant: &TenantId,
        amount: i64,
        budgets: Vec<Budget>,
    ) -> Result<Spending, StoreError>;
}

/// Never called: proves that the trait can be used as `dyn Directory`.
fn _object_safe(_: &dyn Directory) {}
