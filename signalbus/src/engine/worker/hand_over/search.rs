//! Breadth first, so that a violation comes with one of its shortest stories.

use std::collections::{HashMap, VecDeque};

use super::world::{Bounds, Guard, Step, World};

/// How many rounds of everybody's work may pass until all lanes are in good hands.
const LONGEST: usize = 12;

pub(super) enum Found {
    Nothing { states: usize, rounds: usize },
    Violation(String),
}

/// A state, how it was reached, and from where.
struct Node {
    world: World,
    from: Option<(usize, Step)>,
}

struct Search {
    nodes: Vec<Node>,
    known: HashMap<String, usize>,
    /// How many rounds each state is from rest.
    rounds: HashMap<String, usize>,
}

/// Looks at every state within bounds.
pub(super) fn search(bounds: Bounds, guard: Guard) -> Found {
    let start = World::new(bounds, guard);
    let mut search = Search {
        known: HashMap::from([(start.key(), 0)]),
        nodes: vec![Node {
            world: start,
            from: None,
        }],
        rounds: HashMap::new(),
    };
    let mut next = VecDeque::from([0]);
    while let Some(at) = next.pop_front() {
        if let Err(what) = search.comes_to_rest(at) {
            return Found::Violation(search.story(at, None, &what));
        }
        for step in search.nodes[at].world.steps() {
            let mut world = search.nodes[at].world.clone();
            if let Err(what) = world.take(step) {
                return Found::Violation(search.story(at, Some(step), &what));
            }
            let number = search.nodes.len();
            if *search.known.entry(world.key()).or_insert(number) == number {
                let from = Some((at, step));
                search.nodes.push(Node { world, from });
                next.push_back(number);
            }
        }
    }
    Found::Nothing {
        states: search.nodes.len(),
        rounds: search.rounds.values().copied().max().unwrap_or(0),
    }
}

impl Search {
    /// From here, when all who run do their work, every lane is owned and fairly shared, and every
    /// delivery ends, after few rounds. A round leads from a state always to the same one.
    fn comes_to_rest(&mut self, at: usize) -> Result<(), String> {
        let mut world = self.nodes[at].world.clone();
        let mut passed = Vec::new();
        let rest = loop {
            let key = world.key();
            if let Some(rounds) = self.rounds.get(&key) {
                break *rounds;
            }
            let unrest = world.unrest();
            passed.push(key);
            let Some(unrest) = unrest else {
                break 0;
            };
            if passed.len() > LONGEST {
                return Err(format!("after {LONGEST} rounds: {unrest}"));
            }
            world.round()?;
        };
        let reached_rest = world.unrest().is_none();
        let first = if reached_rest && !self.rounds.contains_key(&world.key()) {
            rest
        } else {
            rest + 1
        };
        for (more, key) in passed.into_iter().rev().enumerate() {
            let rounds = first + more;
            if rounds > LONGEST {
                return Err(format!("no rest after {LONGEST} rounds"));
            }
            self.rounds.insert(key, rounds);
        }
        Ok(())
    }

    fn story(&self, mut at: usize, last: Option<Step>, what: &str) -> String {
        let mut steps: Vec<Step> = last.into_iter().collect();
        while let Some((from, step)) = self.nodes[at].from {
            steps.push(step);
            at = from;
        }
        let steps: Vec<String> = steps.iter().rev().map(|step| format!("{step:?}")).collect();
        format!("{}\n=> {what}", steps.join("\n"))
    }
}
