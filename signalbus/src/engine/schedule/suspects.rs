use std::collections::VecDeque;

use super::{Picked, Room, fair};
use crate::{event::Class, mutant::Mutant, store::Ready};

/// How many of one lineup are tried at once that were in flight in one crash.
const TOGETHER: usize = 32;

/// From here on one is tried alone: it was in flight in two crashes, or ended one.
pub(crate) const ALONE: u32 = 2;

/// What was in flight in a crash. After a first one a few are tried at once, beside everything else:
/// nearly always none of them was the cause. After a second one each is tried alone: no other suspect
/// is in flight, and nothing else of its lineup. Other lineups go on meanwhile.
#[derive(Debug)]
pub(super) struct Suspects {
    /// By lineup.
    of: Vec<Lineup>,
    count: usize,
    turn: usize,
    now: Now,
    /// One was tried alone: the next round is for the others.
    others_first: bool,
    /// Whether one may be tried alone in this round.
    alone_may: bool,
}

#[derive(Debug, Default)]
struct Lineup {
    together: VecDeque<Ready>,
    alone: VecDeque<Ready>,
    in_flight: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Usual,
    /// This lineup starts nothing, until one can be tried alone.
    MakesWay(usize),
    /// One of this lineup is in flight.
    Alone(usize),
}

impl Suspects {
    pub(super) fn new(lineups: usize) -> Self {
        Self {
            of: (0..lineups).map(|_| Lineup::default()).collect(),
            count: 0,
            turn: 0,
            now: Now::Usual,
            others_first: false,
            alone_may: true,
        }
    }

    pub(super) fn add_lineup(&mut self) {
        self.of.push(Lineup::default());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many of a lineup wait.
    pub(super) fn waiting(&self, lineup: usize) -> usize {
        self.of[lineup].queues().map(VecDeque::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ready> {
        self.of.iter().flat_map(Lineup::queues).flatten()
    }

    pub(super) fn push(&mut self, ready: Ready, lineup: usize) {
        let of = &mut self.of[lineup];
        self.count += 1;
        if ready.suspicion >= ALONE && !Mutant::NeverAlone.is_active() {
            of.alone.push_back(ready);
        } else {
            of.together.push_back(ready);
        }
    }

    /// Whether a lineup makes way for one that is tried alone, and starts nothing else.
    pub(super) fn holds_up(&self, lineup: usize) -> bool {
        matches!(self.now, Now::MakesWay(of) | Now::Alone(of) if of == lineup)
    }

    /// A round of picks begins: whether a lineup is to make way.
    pub(super) fn begin(&mut self, room: &mut impl Room) {
        if let Now::MakesWay(lineup) = self.now
            && !self.is_wanted(lineup, room)
        {
            self.now = Now::Usual;
        }
        self.alone_may = !std::mem::take(&mut self.others_first);
        if self.is_empty() || self.now != Now::Usual || !self.alone_may {
            return;
        }
        let wanted = (0..self.of.len()).find(|lineup| self.is_wanted(*lineup, room));
        // What is tried together ends first, wherever it is: only then its lineup stands still.
        if let Some(lineup) = wanted
            && self.of.iter().all(|of| of.in_flight == 0)
        {
            self.now = Now::MakesWay(lineup);
        }
    }

    fn is_wanted(&self, lineup: usize, room: &mut impl Room) -> bool {
        let mut waiting = self.of[lineup].alone.iter();
        waiting.any(|ready| room.for_tenant(&ready.tenant))
            && room.for_first(lineup)
            && room.has_slot(lineup, Class::Standard)
    }

    pub(super) fn pick(&mut self, room: &mut impl Room) -> Option<Picked> {
        if self.is_empty() {
            return None;
        }
        match self.now {
            Now::Alone(_) => None,
            Now::MakesWay(lineup) if !room.is_idle(lineup) => None,
            Now::MakesWay(lineup) => {
                let ready = take(&mut self.of[lineup].alone, room)?;
                self.now = Now::Alone(lineup);
                Some(self.out(ready, lineup, true))
            }
            Now::Usual => self.pick_together(room),
        }
    }

    fn pick_together(&mut self, room: &mut impl Room) -> Option<Picked> {
        let lineups = self.of.len();
        // New ones would keep those waiting that are to be tried alone.
        if self.alone_may && (0..lineups).any(|lineup| self.is_wanted(lineup, room)) {
            return None;
        }
        for step in 0..lineups {
            let lineup = (self.turn + step) % lineups;
            let of = &mut self.of[lineup];
            if of.in_flight < TOGETHER
                && !of.together.is_empty()
                && room.for_first(lineup)
                && room.has_slot(lineup, Class::Standard)
                && let Some(ready) = take(&mut of.together, room)
            {
                self.turn = (lineup + 1) % lineups;
                return Some(self.out(ready, lineup, false));
            }
        }
        None
    }

    fn out(&mut self, ready: Ready, lineup: usize, alone: bool) -> Picked {
        self.count -= 1;
        self.of[lineup].in_flight += 1;
        Picked {
            ready,
            channel: lineup,
            alone,
        }
    }

    /// The try of one is over, or came to nothing.
    pub(super) fn ended(&mut self, lineup: usize) {
        let of = &mut self.of[lineup];
        of.in_flight = of.in_flight.saturating_sub(1);
        if self.now == Now::Alone(lineup) {
            self.now = Now::Usual;
            self.others_first = true;
        }
    }

    /// Takes out what waits and matches.
    pub(super) fn extract(&mut self, matches: &mut dyn FnMut(&Ready) -> bool) -> Vec<Ready> {
        let mut found = Vec::new();
        for of in &mut self.of {
            fair::extract(&mut of.together, matches, &mut found);
            fair::extract(&mut of.alone, matches, &mut found);
        }
        self.count -= found.len();
        found
    }
}

impl Lineup {
    fn queues(&self) -> impl Iterator<Item = &VecDeque<Ready>> {
        [&self.together, &self.alone].into_iter()
    }
}

/// The first whose tenant may go, if there is room for its files.
fn take(queue: &mut VecDeque<Ready>, room: &mut impl Room) -> Option<Ready> {
    let at = queue
        .iter()
        .position(|ready| room.for_tenant(&ready.tenant))?;
    let ready = queue.get(at)?;
    (ready.bytes == 0 || room.for_files(ready)).then(|| queue.remove(at))?
}
