use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{KeyRecord, Pepper, Scope, Token};
use crate::{
    clock::{Clock, Timestamp, later},
    directory::{Change, Changed, Directory, Expect, Kind, NamePage, Owner},
    entropy::Entropy,
    store::{StoreError, StoreErrorKind},
};

/// How coarse the time of the last use is: not every request writes.
const COARSE: Duration = Duration::from_secs(60);
/// The longest label, in bytes.
const LONGEST_LABEL: usize = 200;

/// Makes keys, and knows who comes with one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    pepper: Pepper,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewKey {
    /// Whose. One of the host reaches all tenants.
    pub owner: Owner,
    /// What it is for: at most 200 bytes.
    pub label: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// A key without an end.
    #[must_use]
    pub fn new(
        owner: Owner,
        label: impl Into<String>,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        Self {
            owner,
            label: label.into(),
            scopes: scopes.into_iter().collect(),
            expires_at: None,
        }
    }

    /// From when on it is refused.
    #[must_use]
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// Why there is no such key, or none was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is none, was never issued, has expired or was revoked. Who came with it is not told which.
    #[error("the key is not known, or is not good any more")]
    Refused,
    /// Nobody has such a key.
    #[error("there is no such key")]
    NotFound,
    /// It was changed meanwhile: look at it again.
    #[error("the key was changed by somebody else meanwhile")]
    Conflict,
    /// It cannot be made like that.
    #[error("{0}")]
    Invalid(&'static str),
    /// The directory did not answer.
    #[error("the directory did not answer")]
    Directory(#[from] StoreError),
}

impl Keys {
    /// Keys in this directory, hashed under this pepper.
    #[must_use]
    pub fn new(
        directory: Arc<dyn Directory>,
        pepper: Pepper,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Self {
        Self {
            directory,
            clock,
            entropy,
            pepper,
        }
    }

    /// Makes a key. The token is shown here and never again.
    ///
    /// Not cancel safe: dropped, a key may be there that nobody has.
    ///
    /// # Errors
    /// When it has no scope or too long a label, or the directory did not take it.
    pub async fn issue(&self, actor: &str, new: NewKey) -> Result<(Token, KeyRecord), KeyError> {
        let (token, mut record) = self.make(new)?;
        let change = of(&record, Expect::Absent, "key.issued")?;
        let revisions = self.change(actor, vec![change]).await?;
        record.revision = revisions.first().copied().unwrap_or_default();
        Ok((token, record))
    }

    /// Who comes with this token. Nothing is remembered between two calls: a revocation binds at once,
    /// in every process.
    ///
    /// # Errors
    /// [`KeyError::Refused`], whatever the reason; [`KeyError::Directory`] when nobody can say.
    pub async fn authenticate(&self, token: &str) -> Result<KeyRecord, KeyError> {
        let token = Token::parse(token).map_err(|_| KeyError::Refused)?;
        let Some(entry) = self.directory.key(token.id()).await? else {
            return Err(KeyError::Refused);
        };
        let record = KeyRecord::of(entry)?;
        let now = self.clock.now();
        if !self.pepper.is(&token, &record.hash) || !record.is_live(now) {
            return Err(KeyError::Refused);
        }
        if record.used_at.is_none_or(|used| later(used, COARSE) <= now) {
            // Good to know, but no reason to refuse.
            let _ = self.directory.used(&record.id, now).await;
        }
        Ok(record)
    }

    /// One key of an owner.
    ///
    /// # Errors
    /// When this owner has none such, or the directory did not answer.
    pub async fn get(&self, owner: &Owner, id: &str) -> Result<KeyRecord, KeyError> {
        let entry = self.directory.entry(owner, Kind::Key, id).await?;
        Ok(KeyRecord::of(entry.ok_or(KeyError::NotFound)?)?)
    }

    /// Keys of an owner, in the order of their ids.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn list(&self, owner: &Owner, page: NamePage) -> Result<Vec<KeyRecord>, KeyError> {
        let entries = self.directory.entries(owner, Kind::Key, page).await?;
        let records: Result<_, StoreError> = entries.into_iter().map(KeyRecord::of).collect();
        Ok(records?)
    }

    /// Makes a new key in the place of this one, which stays good for `overlap` from now, or until its
    /// end if that is sooner.
    ///
    /// Not cancel safe: dropped, a key may be there that nobody has.
    ///
    /// # Errors
    /// When this owner has no such key or it is not good any more, somebody else changed it, or the
    /// directory did not do it.
    pub async fn rotate(
        &self,
        actor: &str,
        owner: &Owner,
        id: &str,
        overlap: Duration,
    ) -> Result<(Token, KeyRecord), KeyError> {
        let mut old = self.get(owner, id).await?;
        let now = self.clock.now();
        if !old.is_live(now) {
            return Err(KeyError::Invalid(
                "the key is not good any more: make a new one",
            ));
        }
        let new = NewKey {
            owner: old.owner.clone(),
            label: old.label.clone(),
            scopes: old.scopes.clone(),
            expires_at: old.expires_at,
        };
        let (token, mut record) = self.make(new)?;
        let end = later(now, overlap);
        old.expires_at = Some(old.expires_at.map_or(end, |sooner| sooner.min(end)));
        let ends = of(&old, Expect::Revision(old.revision), "key.rotated")?;
        let begins = of(&record, Expect::Absent, "key.issued")?;
        let revisions = self.change(actor, vec![ends, begins]).await?;
        record.revision = revisions.last().copied().unwrap_or_default();
        Ok((token, record))
    }

    /// Refuses this key from now on. Revoking it again changes nothing.
    ///
    /// # Errors
    /// When this owner has no such key, somebody else changed it, or the directory did not do it.
    pub async fn revoke(
        &self,
        actor: &str,
        owner: &Owner,
        id: &str,
    ) -> Result<KeyRecord, KeyError> {
        let mut record = self.get(owner, id).await?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        record.revoked_at = Some(self.clock.now());
        let change = of(&record, Expect::Revision(record.revision), "key.revoked")?;
        let revisions = self.change(actor, vec![change]).await?;
        record.revision = revisions.first().copied().unwrap_or_default();
        Ok(record)
    }

    fn make(&self, new: NewKey) -> Result<(Token, KeyRecord), KeyError> {
        if new.scopes.is_empty() {
            return Err(KeyError::Invalid(
                "a key without a scope is good for nothing: give it one",
            ));
        }
        if new.label.len() > LONGEST_LABEL || new.label.contains(crate::text::is_control) {
            return Err(KeyError::Invalid(
                "the label of a key must be one line of at most 200 bytes",
            ));
        }
        let token = Token::generate(&self.entropy);
        let record = KeyRecord {
            id: token.id().to_owned(),
            owner: new.owner,
            label: new.label,
            scopes: new.scopes,
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
            used_at: None,
            revision: 0,
            hash: self.pepper.hash(&token),
        };
        Ok((token, record))
    }

    async fn change(&self, actor: &str, changes: Vec<Change>) -> Result<Vec<u64>, KeyError> {
        match self.directory.change(actor, changes).await? {
            Changed::Done(revisions) => Ok(revisions),
            Changed::Conflict(_) => Err(KeyError::Conflict),
        }
    }
}

impl KeyError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_transient() || error.kind() == StoreErrorKind::InUse,
            _ => false,
        }
    }
}

fn of(record: &KeyRecord, expect: Expect, action: &str) -> Result<Change, StoreError> {
    Ok(Change {
        owner: record.owner.clone(),
        kind: Kind::Key,
        name: record.id.clone(),
        expect,
        body: Some(record.body()?),
        action: action.to_owned(),
    })
}
