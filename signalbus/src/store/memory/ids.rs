use std::collections::BTreeMap;

use uuid::Uuid;

/// What ids stand for. Ids rise with time, so that new ones go to the end of the tree, where it
/// is warm; as numbers they are compared in one step.
#[derive(Debug, Clone)]
pub(super) struct Ids<T> {
    tree: BTreeMap<u128, T>,
    newest: u128,
}

impl<T: Copy> Ids<T> {
    pub(super) fn new() -> Self {
        Self {
            tree: BTreeMap::new(),
            newest: 0,
        }
    }

    pub(super) fn insert(&mut self, id: &Uuid, stands_for: T) {
        let id = id.as_u128();
        self.newest = self.newest.max(id);
        self.tree.insert(id, stands_for);
    }

    pub(super) fn get(&self, id: &Uuid) -> Option<T> {
        let id = id.as_u128();
        if id > self.newest {
            return None;
        }
        self.tree.get(&id).copied()
    }

    pub(super) fn remove(&mut self, id: &Uuid) {
        self.tree.remove(&id.as_u128());
    }
}
