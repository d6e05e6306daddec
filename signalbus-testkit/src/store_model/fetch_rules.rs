//! What an answer to a fetch must have, may have and must not have. Groups may come in any order,
//! and a strict successor together with its head or after it: the contract leaves that open.

use std::collections::BTreeMap;

use signalbus_core::store::{
    Account, ClassWindow, Fetched, Group, LaneId, LaneLease, Ready, Window,
};

use super::reference::{Delivery, Place, Reference};

type Verdict = Result<(), String>;

/// Compares an answer with the reference.
pub(super) fn check(
    reference: &Reference,
    leases: &[LaneLease],
    window: &Window,
    fetched: &Fetched,
) -> Verdict {
    let look = Look {
        reference,
        owned: reference.owned(leases),
        window,
        fetched,
    };
    if fetched.now != reference.now {
        return Err(format!("it is {}, not {}", reference.now, fetched.now));
    }
    for (place, ready) in fetched.ready.iter().enumerate() {
        look.may_come(place, ready)?;
    }
    for class in &window.classes {
        look.class(class)?;
    }
    look.interrupted()?;
    look.next_due()
}

struct Look<'a> {
    reference: &'a Reference,
    owned: Vec<LaneId>,
    window: &'a Window,
    fetched: &'a Fetched,
}

impl Look<'_> {
    fn is_listed(&self, delivery: &Delivery) -> bool {
        let channel = delivery.new.channel.as_ref();
        channel.is_some_and(|channel| self.window.channels.contains(channel))
    }

    /// Whether it waits in a lane that is owned, and its time has come.
    fn is_due(&self, delivery: &Delivery) -> bool {
        self.owned.contains(&delivery.lane) && self.reference.is_due(delivery)
    }

    fn was_returned(&self, delivery: &Delivery) -> bool {
        self.fetched
            .ready
            .iter()
            .any(|ready| ready.id == delivery.id)
    }

    fn may_come(&self, place: usize, ready: &Ready) -> Verdict {
        let before = &self.fetched.ready[..place];
        let found = self.reference.find(ready.id);
        let delivery = found.ok_or_else(|| format!("nobody knows {ready:?}"))?;
        let expected = delivery.ready();
        if format!("{expected:?}") != format!("{:?}", Some(ready)) {
            return Err(format!("read {ready:?}, which is {expected:?}"));
        }
        if before.iter().any(|other| other.id == ready.id) {
            return Err(format!("{} came twice", ready.id));
        }
        let asked = |class: &&ClassWindow| class.class == ready.class && !skips(class, ready);
        if !self.is_due(delivery)
            || !self.is_listed(delivery)
            || !self.window.classes.iter().any(|class| asked(&class))
        {
            return Err(format!("{delivery:?} was not to be read"));
        }
        let in_front = |head: &&Delivery| {
            head.class == delivery.class
                && head.group() == delivery.group()
                && before.iter().any(|other| other.id == head.id)
        };
        let heads = self.reference.heads(delivery);
        if self.reference.is_blocked(delivery) || !heads.iter().all(in_front) {
            return Err(format!(
                "{delivery:?} came before {heads:?} (or is blocked)"
            ));
        }
        Ok(())
    }

    fn class(&self, window: &ClassWindow) -> Verdict {
        let returned: Vec<&Ready> = self
            .fetched
            .ready
            .iter()
            .filter(|ready| ready.class == window.class)
            .collect();
        let total = usize::try_from(window.total).unwrap_or(usize::MAX);
        if returned.len() > total {
            return Err(format!("{} of {:?}", returned.len(), window));
        }
        let mut groups: BTreeMap<Group, Vec<&Ready>> = BTreeMap::new();
        for ready in &returned {
            let group = ready.group();
            let others = groups.entry(group).or_default();
            if others
                .last()
                .is_some_and(|last| last.position >= ready.position)
            {
                return Err(format!("{} came out of its order", ready.id));
            }
            others.push(ready);
        }
        let per_group = usize::try_from(self.window.per_group).unwrap_or(usize::MAX);
        if groups.values().any(|group| group.len() > per_group) {
            return Err(format!("more than {per_group} of a group"));
        }
        let cut = self.cut(window, &returned)?;
        for missing in self.missing(window) {
            let group = missing.group().and_then(|group| groups.get(&group));
            let full = group.is_some_and(|group| group.len() == per_group);
            let passed = group
                .is_some_and(|group| group.last().map(|last| last.position) > missing.position);
            if passed || !(full || cut) {
                return Err(format!("{missing:?} was left out"));
            }
        }
        Ok(())
    }

    /// Whether the total cut the class, and it was said rightly.
    fn cut(&self, window: &ClassWindow, returned: &[&Ready]) -> Result<bool, String> {
        let mut resume = self
            .fetched
            .resume
            .iter()
            .filter(|(class, _)| *class == window.class);
        let Some((_, group)) = resume.next() else {
            return Ok(false);
        };
        let last = returned.last().map(|ready| ready.group());
        let left = self
            .reference
            .deliveries
            .iter()
            .any(|delivery| self.is_asked(window, delivery) && !self.was_returned(delivery));
        let full = u32::try_from(returned.len()).is_ok_and(|count| count == window.total);
        if full && left && last.or_else(|| window.after.clone()).as_ref() == Some(group) {
            Ok(true)
        } else {
            Err(format!("{:?} was not cut behind {group:?}", window.class))
        }
    }

    fn is_asked(&self, window: &ClassWindow, delivery: &Delivery) -> bool {
        delivery.class == window.class
            && self.is_due(delivery)
            && self.is_listed(delivery)
            && delivery.ready().is_some_and(|ready| !skips(window, &ready))
    }

    /// What nothing stands against, and what was not returned.
    fn missing(&self, window: &ClassWindow) -> impl Iterator<Item = &Delivery> {
        self.reference.deliveries.iter().filter(|delivery| {
            self.is_asked(window, delivery)
                && !self.reference.is_held_back(delivery)
                && !self.was_returned(delivery)
        })
    }

    /// Claims of earlier owners.
    fn interrupted(&self) -> Verdict {
        let mut expected: Vec<String> = Vec::new();
        for delivery in &self.reference.deliveries {
            if let Place::Sending {
                epoch,
                claimed_at,
                alone,
            } = delivery.place
                && epoch < self.reference.epoch(delivery.lane)
                && self.owned.contains(&delivery.lane)
                && self.is_listed(delivery)
            {
                expected.extend(
                    delivery
                        .ready()
                        .map(|ready| format!("{ready:?} claimed at {claimed_at}, alone: {alone}")),
                );
            }
        }
        let mut told: Vec<String> = self
            .fetched
            .interrupted
            .iter()
            .map(|one| {
                let (ready, claimed_at, alone) = (&one.ready, one.claimed_at, one.alone);
                format!("{ready:?} claimed at {claimed_at}, alone: {alone}")
            })
            .collect();
        expected.sort_unstable();
        told.sort_unstable();
        if told == expected {
            Ok(())
        } else {
            Err(format!(
                "interrupted are {expected:?}, and it says {told:?}"
            ))
        }
    }

    /// Exact while the clock never went back. What waits for an earlier one may count or not.
    fn next_due(&self) -> Verdict {
        if self.reference.rewound {
            return Ok(());
        }
        let now = self.reference.now;
        let future = |delivery: &&Delivery| {
            delivery.place == Place::Waiting
                && delivery.due > now
                && self.owned.contains(&delivery.lane)
        };
        let all = || self.reference.deliveries.iter().filter(future);
        let told = self.fetched.next_due;
        let latest = all()
            .filter(|one| !self.reference.is_held_back(one))
            .map(|one| one.due)
            .min();
        let right = match told {
            None => latest.is_none(),
            Some(due) => {
                all().any(|one| one.due == due) && latest.is_none_or(|latest| due <= latest)
            }
        };
        if right {
            Ok(())
        } else {
            Err(format!(
                "the next is due at {latest:?}, and it says {told:?}"
            ))
        }
    }
}

fn skips(window: &ClassWindow, ready: &Ready) -> bool {
    let of = Account {
        channel: ready.channel.clone(),
        tenant: ready.tenant.clone(),
        pool: ready.pool.clone(),
    };
    window.skip.contains(&of)
}
