//! Random work against a model that only knows where each delivery is.

use proptest::prelude::*;

use super::*;

/// Deliveries that there are; which of them are in hand is the play.
const UNIVERSE: usize = 24;
const LANES: u64 = 3;

#[derive(Debug, Clone)]
enum Step {
    Admit(usize),
    Pick(Rooms),
    /// The n-th of those that are out ends.
    End(usize, bool),
    TakeExpired(u64),
    ForgetLane(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Away,
    Waits,
    Out,
}

struct Play {
    scheduler: Scheduler,
    universe: Vec<Ready>,
    places: Vec<Place>,
    /// A suspect is out alone in this lineup.
    alone: Option<usize>,
    /// What is out only to be refused.
    expired: BTreeSet<usize>,
}

impl Play {
    fn new(universe: Vec<Ready>) -> Self {
        Self {
            scheduler: scheduler([]),
            places: vec![Place::Away; universe.len()],
            universe,
            alone: None,
            expired: BTreeSet::new(),
        }
    }

    fn at(&self, place: Place) -> impl Iterator<Item = usize> + use<'_> {
        (0..self.places.len()).filter(move |index| self.places[*index] == place)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Admit(index) => {
                let new = self.scheduler.admit(self.universe[*index].clone());
                assert_eq!(new, self.places[*index] == Place::Away);
                if new {
                    self.places[*index] = Place::Waits;
                }
            }
            Step::Pick(room) => {
                if let Some(picked) = self.pick(*room) {
                    let on = picked.channel;
                    assert!(room.first[on] || room.retry[on]);
                    self.out(&picked.ready);
                }
            }
            Step::End(nth, held) => {
                let out: Vec<usize> = self.at(Place::Out).collect();
                if let Some(index) = out.get(nth % out.len().max(1)) {
                    self.end(*index, *held);
                }
            }
            Step::TakeExpired(now) => {
                for expired in self.scheduler.take_expired(after(*now)) {
                    assert!(expired.expires_at.unwrap() <= after(*now));
                    self.out(&expired);
                    self.expired
                        .insert(usize::try_from(expired.position.0).unwrap());
                }
            }
            Step::ForgetLane(lane) => {
                self.scheduler.forget_lanes(&[LaneId::from_stored(*lane)]);
                for index in self.at(Place::Waits).collect::<Vec<_>>() {
                    if self.universe[index].lane == LaneId::from_stored(*lane) {
                        self.places[index] = Place::Away;
                    }
                }
            }
        }
    }

    fn lineup(&self, index: usize) -> usize {
        let ready = &self.universe[index];
        self.scheduler.accounts.of(ready).unwrap()
    }

    fn pick(&mut self, mut room: Rooms) -> Option<Picked> {
        let expired = self.expired.clone();
        let sent = |out: &usize| !expired.contains(out);
        room.idle = [EMAIL, SMS].map(|on| {
            let mut on_their_way = self.at(Place::Out).filter(sent);
            !on_their_way.any(|out| self.lineup(out) == on)
        });
        let picked = self.scheduler.picked(room)?;
        assert_ne!(self.alone, Some(picked.channel), "it is not alone any more");
        if picked.ready.suspicion > 0 {
            let suspects = |out: &usize| self.universe[*out].suspicion > 0;
            let others = self.at(Place::Out).filter(sent).filter(suspects).count();
            assert_eq!(picked.alone, picked.ready.suspicion > 1);
            if picked.alone {
                assert!(room.idle[picked.channel], "not alone");
                assert_eq!(others, 0, "another suspect is out");
                self.alone = Some(picked.channel);
            } else {
                assert_eq!(self.alone, None);
            }
        }
        Some(picked)
    }

    fn out(&mut self, ready: &Ready) {
        let index = usize::try_from(ready.position.0).unwrap();
        assert_eq!(self.places[index], Place::Waits, "it was in hand");
        if ready.order != Order::Unordered && ready.suspicion == 0 {
            let same_key = self
                .at(Place::Out)
                .map(|other| &self.universe[other])
                .find(|other| {
                    other.order_key == ready.order_key
                        && other.order != Order::Unordered
                        && other.suspicion == 0
                });
            assert!(same_key.is_none(), "two of one key are out");
        }
        self.places[index] = Place::Out;
    }

    fn end(&mut self, index: usize, held: bool) {
        let ready = self.universe[index].clone();
        let left = if held { Left::Open } else { Left::Done };
        let lineup = self.lineup(index);
        if ready.suspicion > 0 && !self.expired.remove(&index) {
            self.scheduler.suspect_ended(lineup);
            self.alone = self.alone.filter(|_| ready.suspicion == 1);
        }
        self.scheduler.release(&ready, left);
        self.scheduler.settled(ready.position);
        self.places[index] = Place::Away;
        if held && ready.order != Order::Unordered {
            for other in self.at(Place::Waits).collect::<Vec<_>>() {
                let waits = &self.universe[other];
                if waits.order_key == ready.order_key
                    && waits.order.is_strict()
                    && waits.suspicion == 0
                {
                    self.places[other] = Place::Away;
                }
            }
        }
    }

    fn check(&self) {
        for class in Class::ALL {
            let waiting = self
                .at(Place::Waits)
                .filter(|index| {
                    let ready = &self.universe[*index];
                    ready.class == class && ready.suspicion == 0
                })
                .count();
            assert_eq!(super::waiting(&self.scheduler, class), waiting, "{class:?}");
        }
        assert_eq!(
            self.scheduler.is_empty(),
            self.at(Place::Waits).next().is_none()
        );
        let in_hand = self.places.iter().filter(|place| **place != Place::Away);
        assert_eq!(self.scheduler.in_hand.len(), in_hand.count());
    }

    /// Everything in hand goes out and ends: nothing is lost, and nothing is left.
    fn finish(&mut self) {
        for index in self.at(Place::Out).collect::<Vec<_>>() {
            self.end(index, false);
        }
        while !self.scheduler.is_empty() {
            // A round may be the others', of which there are none.
            let picked = self.pick(ALL).or_else(|| self.pick(ALL));
            let ready = picked.expect("what waits can be picked").ready;
            self.out(&ready);
            self.end(usize::try_from(ready.position.0).unwrap(), false);
        }
        assert!(self.at(Place::Waits).next().is_none());
        self.scheduler.assert_forgot_all();
    }
}

fn any_delivery() -> impl Strategy<Value = Ready> {
    let order = prop_oneof![
        3 => Just(Order::Start),
        3 => Just(Order::Strict),
        1 => Just(Order::StrictBlocking),
        1 => Just(Order::Unordered),
    ];
    (
        order,
        0..5_u64,
        prop::sample::select(&Class::ALL[..]),
        prop::sample::select(&["a", "b", "c"][..]),
        0..2_usize,
        prop::bool::weighted(0.3),
        prop_oneof![8 => Just(0_u32), 1 => Just(1), 1 => 2..4_u32],
        prop::option::weighted(0.3, 0..20_u64),
    )
        .prop_map(|(order, key, class, name, on, retry, suspect, expiry)| {
            let mut made = ready(0);
            made.order = order;
            made.order_key = key;
            made.lane = LaneId::from_stored(key % LANES);
            made.class = class;
            made.tenant = tenant(name);
            made.channel = channel(on);
            made.attempt = u32::from(retry || suspect > 0);
            made.tries = made.attempt;
            made.suspicion = suspect;
            made.expires_at = expiry.map(after);
            made
        })
}

fn any_universe() -> impl Strategy<Value = Vec<Ready>> {
    prop::collection::vec(any_delivery(), UNIVERSE).prop_map(|universe| {
        (0..)
            .zip(universe)
            .map(|(position, delivery)| {
                let mut made = delivery;
                made.position = Position(position);
                made
            })
            .collect()
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let room = any::<([bool; 2], [bool; 2])>().prop_map(|(first, retry)| Rooms {
        first,
        retry,
        ..ALL
    });
    prop_oneof![
        6 => (0..UNIVERSE).prop_map(Step::Admit),
        4 => room.prop_map(Step::Pick),
        4 => (0..UNIVERSE, prop::bool::weighted(0.2)).prop_map(|(nth, held)| Step::End(nth, held)),
        1 => (0..20_u64).prop_map(Step::TakeExpired),
        1 => (0..3_u64).prop_map(Step::ForgetLane),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        universe in any_universe(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut play = Play::new(universe);
        for step in &steps {
            play.step(step);
            play.check();
        }
        play.finish();
    }
}
