use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::{
    event::Class,
    store::{Group, Position},
};

/// Deliveries that may be sent now, by class and group.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues {
    classes: [BTreeMap<Group, BTreeSet<Position>>; Class::ALL.len()],
}

impl Queues {
    pub(super) fn insert(&mut self, class: Class, group: &Group, position: Position) {
        let groups = &mut self.classes[class.index()];
        match groups.get_mut(group) {
            Some(queue) => {
                queue.insert(position);
            }
            None => {
                groups.insert(group.clone(), BTreeSet::from([position]));
            }
        }
    }

    pub(super) fn remove(&mut self, class: Class, group: &Group, position: Position) {
        let groups = &mut self.classes[class.index()];
        if let Some(queue) = groups.get_mut(group) {
            queue.remove(&position);
            if queue.is_empty() {
                groups.remove(group);
            }
        }
    }

    /// All groups of a class once round, starting with the one behind `after`.
    pub(super) fn round<'a>(
        &'a self,
        class: Class,
        after: Option<&'a Group>,
    ) -> impl Iterator<Item = (&'a Group, &'a BTreeSet<Position>)> {
        let groups = &self.classes[class.index()];
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = after.map(|after| groups.range(..=after));
        groups
            .range::<Group, _>((behind, Bound::Unbounded))
            .chain(rest.into_iter().flatten())
    }
}
