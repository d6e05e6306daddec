use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    Budget, Change, Changed, Directory, Done, Entry, Kind, NamePage, Owner, Spending, Trail,
    TrailFilter, check_changes,
};
use crate::{
    clock::{Clock, SystemClock, Timestamp, is_within},
    name::TenantId,
    store::StoreError,
};

/// A directory in memory: what it holds is lost with the process. Cheap to clone: all clones are the
/// same directory.
#[derive(Clone)]
pub struct MemoryDirectory {
    clock: Arc<dyn Clock>,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    entries: BTreeMap<(Owner, Kind, String), Entry>,
    /// Whose each key is.
    keys: BTreeMap<String, Owner>,
    trail: Vec<Trail>,
    used: BTreeMap<(TenantId, String), u64>,
}

impl MemoryDirectory {
    /// An empty directory by the clock of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty directory by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            tables: Arc::default(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryDirectory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDirectory").finish_non_exhaustive()
    }
}

impl Tables {
    fn write(&mut self, line: Trail) -> u64 {
        let number = line.number;
        self.trail.push(line);
        number
    }

    fn next(&self) -> u64 {
        self.trail.last().map_or(1, |line| line.number + 1)
    }

    fn conflict(&self, changes: &[Change]) -> Option<usize> {
        changes.iter().position(|change| {
            let key = (change.owner.clone(), change.kind, change.name.clone());
            let revision = self.entries.get(&key).map(|entry| entry.revision);
            let of_another = change.kind == Kind::Key
                && self
                    .keys
                    .get(&change.name)
                    .is_some_and(|owner| *owner != change.owner);
            of_another || !change.expect.is_met_by(revision)
        })
    }

    fn apply(&mut self, at: Timestamp, actor: &str, change: Change) -> u64 {
        let number = self.next();
        let Change {
            owner,
            kind,
            name,
            body,
            action,
            ..
        } = change;
        let key = (owner.clone(), kind, name.clone());
        match body {
            Some(body) => {
                if kind == Kind::Key {
                    self.keys.insert(name.clone(), owner.clone());
                }
                let used_at = self.entries.get(&key).and_then(|entry| entry.used_at);
                let entry = Entry {
                    owner: owner.clone(),
                    kind,
                    name: name.clone(),
                    revision: number,
                    changed_at: at,
                    used_at,
                    body,
                };
                self.entries.insert(key, entry);
            }
            None => {
                self.entries.remove(&key);
                if kind == Kind::Key {
                    self.keys.remove(&name);
                }
            }
        }
        self.write(Trail {
            number,
            at,
            owner,
            actor: actor.to_owned(),
            action,
            kind: Some(kind),
            target: name,
        })
    }
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn entry(
        &self,
        owner: &Owner,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let key = (owner.clone(), kind, name.to_owned());
        Ok(self.tables().entries.get(&key).cloned())
    }

    async fn key(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let tables = self.tables();
        let Some(owner) = tables.keys.get(id) else {
            return Ok(None);
        };
        let key = (owner.clone(), Kind::Key, id.to_owned());
        Ok(tables.entries.get(&key).cloned())
    }

    async fn entries(
        &self,
        owner: &Owner,
        kind: Kind,
        page: NamePage,
    ) -> Result<Vec<Entry>, StoreError> {
        let start = match page.after.clone() {
            Some(after) => Bound::Excluded((owner.clone(), kind, after)),
            None => Bound::Included((owner.clone(), kind, String::new())),
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let tables = self.tables();
        let found = tables
            .entries
            .range((start, Bound::Unbounded))
            .take_while(|((of, is, _), _)| of == owner && *is == kind)
            .filter(|(_, entry)| page.has(entry.changed_at))
            .take(limit);
        Ok(found.map(|(_, entry)| entry.clone()).collect())
    }

    async fn changed(&self, kind: Kind, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<Entry> = tables
            .entries
            .values()
            .filter(|entry| entry.kind == kind && entry.revision > after)
            .cloned()
            .collect();
        found.sort_unstable_by_key(|entry| entry.revision);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn change(&self, actor: &str, changes: Vec<Change>) -> Result<Changed, StoreError> {
        check_changes(&changes)?;
        let at = self.clock.now();
        let mut tables = self.tables();
        if let Some(place) = tables.conflict(&changes) {
            return Ok(Changed::Conflict(place));
        }
        let revisions = changes
            .into_iter()
            .map(|change| tables.apply(at, actor, change))
            .collect();
        Ok(Changed::Done(revisions))
    }

    async fn used(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if let Some(owner) = tables.keys.get(id).cloned()
            && let Some(entry) = tables.entries.get_mut(&(owner, Kind::Key, id.to_owned()))
        {
            entry.used_at = entry.used_at.max(Some(at));
        }
        Ok(())
    }

    async fn record(&self, actor: &str, done: Done) -> Result<u64, StoreError> {
        let at = self.clock.now();
        let mut tables = self.tables();
        let number = tables.next();
        Ok(tables.write(Trail {
            number,
            at,
            owner: done.owner,
            actor: actor.to_owned(),
            action: done.action,
            kind: None,
            target: done.target,
        }))
    }

    async fn trail(&self, owner: &Owner, filter: TrailFilter) -> Result<Vec<Trail>, StoreError> {
        let is =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let tables = self.tables();
        let found = tables.trail.iter().rev().filter(|line| {
            line.owner == *owner
                && filter.before.is_none_or(|before| line.number < before)
                && is(&filter.actor, &line.actor)
                && is(&filter.action, &line.action)
                && is_within(line.at, filter.written_from, filter.written_before)
        });
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        Ok(found.take(limit).cloned().collect())
    }

    async fn spend(
        &self,
        tenant: &TenantId,
        amount: i64,
        budgets: Vec<Budget>,
    ) -> Result<Spending, StoreError> {
        let mut tables = self.tables();
        let used: Vec<u64> = budgets
            .iter()
            .map(|budget| {
                let key = (tenant.clone(), budget.window.clone());
                tables.used.get(&key).copied().unwrap_or(0)
            })
            .collect();
        let spending = Spending::of(&used, amount, &budgets);
        if let Spending::Granted(after) = &spending {
            for (budget, after) in budgets.into_iter().zip(after) {
                tables.used.insert((tenant.clone(), budget.window), *after);
            }
        }
        Ok(spending)
    }
}
