use std::collections::VecDeque;

/// Values under numbers that only grow and are never used again.
#[derive(Debug, Clone)]
pub(super) struct Slab<T> {
    first: i64,
    slots: VecDeque<Option<T>>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            first: 1,
            slots: VecDeque::new(),
        }
    }

    /// The number the next value will have.
    pub(super) fn next(&self) -> i64 {
        i64::try_from(self.slots.len()).map_or(i64::MAX, |len| self.first.saturating_add(len))
    }

    pub(super) fn push(&mut self, value: T) -> i64 {
        let number = self.next();
        self.slots.push_back(Some(value));
        number
    }

    pub(super) fn get(&self, number: i64) -> Option<&T> {
        self.slots.get(self.slot(number)?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: i64) -> Option<&mut T> {
        let slot = self.slot(number)?;
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(super) fn remove(&mut self, number: i64) -> Option<T> {
        let slot = self.slot(number)?;
        let value = self.slots.get_mut(slot)?.take();
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        value
    }

    /// All values with this number or a higher one, lowest first.
    pub(super) fn iter_from(&self, number: i64) -> impl Iterator<Item = (i64, &T)> {
        let skipped = self.slot(number).unwrap_or(0).min(self.slots.len());
        self.slots
            .range(skipped..)
            .zip(self.first.max(number)..)
            .filter_map(|(slot, number)| Some((number, slot.as_ref()?)))
    }

    fn slot(&self, number: i64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn numbers_rise_and_are_never_used_again() {
        let mut slab = Slab::new();
        assert_eq!([slab.push('a'), slab.push('b'), slab.push('c')], [1, 2, 3]);
        assert_eq!(slab.remove(1), Some('a'));
        assert_eq!(slab.remove(3), Some('c'));
        assert_eq!(slab.push('d'), 4);
        assert_eq!(
            (slab.get(1), slab.get(2), slab.get(3)),
            (None, Some(&'b'), None)
        );
        let from = |number| slab.iter_from(number).collect::<Vec<_>>();
        assert_eq!(from(i64::MIN), [(2, &'b'), (4, &'d')]);
        assert_eq!(from(3), [(4, &'d')]);
        assert_eq!(from(i64::MAX), []);
    }

    #[test]
    fn an_emptied_slab_goes_on_counting() {
        let mut slab = Slab::new();
        slab.push('a');
        slab.remove(1);
        assert_eq!(slab.remove(1), None);
        assert_eq!(slab.push('b'), 2);
        assert_eq!(slab.get_mut(2), Some(&mut 'b'));
    }
}
