use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

/// What ids stand for. Nearly all ids rise with time: those go to the end of a list, the others
/// into a tree.
#[derive(Debug, Clone)]
pub(super) struct Ids<T> {
    /// Lowest first; what was removed since leaves a gap.
    rising: VecDeque<(u128, Option<T>)>,
    gaps: usize,
    others: BTreeMap<u128, T>,
}

impl<T: Copy> Ids<T> {
    pub(super) fn new() -> Self {
        Self {
            rising: VecDeque::new(),
            gaps: 0,
            others: BTreeMap::new(),
        }
    }

    /// Takes in an id that is not there now.
    pub(super) fn insert(&mut self, id: &Uuid, stands_for: T) {
        let id = id.as_u128();
        if self.rising.back().is_none_or(|(last, _)| *last < id) {
            self.rising.push_back((id, Some(stands_for)));
        } else if let Some(at) = self.find(id) {
            // It was here before.
            self.rising[at].1 = Some(stands_for);
            self.gaps -= 1;
        } else {
            self.others.insert(id, stands_for);
        }
    }

    pub(super) fn get(&self, id: &Uuid) -> Option<T> {
        let id = id.as_u128();
        match self.find(id) {
            Some(at) => self.rising.get(at)?.1,
            None => self.others.get(&id).copied(),
        }
    }

    pub(super) fn remove(&mut self, id: &Uuid) {
        let id = id.as_u128();
        match self.find(id) {
            Some(at) => {
                if self.rising[at].1.take().is_some() {
                    self.gaps += 1;
                }
                if self.gaps > self.rising.len() / 2 {
                    self.rising.retain(|(_, stands_for)| stands_for.is_some());
                    self.gaps = 0;
                }
            }
            None => {
                self.others.remove(&id);
            }
        }
    }

    /// The place of an id in the list.
    fn find(&self, id: u128) -> Option<usize> {
        if self.rising.back().is_none_or(|(last, _)| *last < id) {
            return None;
        }
        self.rising.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_whatever_order_they_came_and_went() {
        let id = |number: u128| Uuid::from_u128(number);
        let mut ids = Ids::new();
        let order = [5_u128, 9, 7, 1, 12, 11];
        for number in order {
            ids.insert(&id(number), number);
        }
        for removed in order {
            assert_eq!(ids.get(&id(removed)), Some(removed));
            ids.remove(&id(removed));
            assert_eq!(ids.get(&id(removed)), None);
            ids.insert(&id(removed), removed + 100);
            assert_eq!(ids.get(&id(removed)), Some(removed + 100));
            ids.remove(&id(removed));
        }
        assert_eq!(ids.get(&id(13)), None);
        ids.insert(&id(5), 5);
        assert_eq!(ids.get(&id(5)), Some(5));
    }

    #[test]
    fn gaps_do_not_pile_up() {
        let mut ids = Ids::new();
        for number in 0..1_000_u128 {
            ids.insert(&Uuid::from_u128(number), number);
            if number >= 10 {
                ids.remove(&Uuid::from_u128(number - 10));
            }
        }
        assert!(ids.rising.len() <= 21, "{}", ids.rising.len());
    }
}
