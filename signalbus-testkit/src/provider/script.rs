use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
};

use signalbus_core::{Channel, channel::Address, provider::Delivery};

use super::Play;

/// Which play is next. The most special rule wins: the number of the call, then the recipient, then
/// a condition, then the row of plays, then the default.
pub(super) struct Script<C: Channel> {
    calls: BTreeMap<u64, Play>,
    recipients: HashMap<String, VecDeque<Play>>,
    conditions: Vec<(Condition<C>, Play)>,
    row: VecDeque<Play>,
    default: Play,
}

type Condition<C> = Box<dyn Fn(&Delivery<'_, C>) -> bool + Send + Sync>;

impl<C: Channel> Script<C> {
    pub(super) fn choose(&mut self, call: u64, delivery: &Delivery<'_, C>) -> Play {
        self.calls
            .remove(&call)
            .or_else(|| {
                let plays = self.recipients.get_mut(delivery.to.as_str())?;
                plays.pop_front()
            })
            .or_else(|| {
                let mut conditions = self.conditions.iter();
                let (_, play) = conditions.find(|(condition, _)| condition(delivery))?;
                Some(play.clone())
            })
            .or_else(|| self.row.pop_front())
            .unwrap_or_else(|| self.default.clone())
    }

    pub(super) fn on_call(&mut self, call: u64, play: Play) {
        self.calls.insert(call, play);
    }

    pub(super) fn to(&mut self, address: &C::Address, plays: impl IntoIterator<Item = Play>) {
        self.recipients
            .entry(address.as_str().to_owned())
            .or_default()
            .extend(plays);
    }

    pub(super) fn when(&mut self, condition: Condition<C>, play: Play) {
        self.conditions.push((condition, play));
    }

    pub(super) fn next(&mut self, plays: impl IntoIterator<Item = Play>) {
        self.row.extend(plays);
    }

    pub(super) fn set_default(&mut self, play: Play) {
        self.default = play;
    }
}

impl<C: Channel> Default for Script<C> {
    fn default() -> Self {
        Self {
            calls: BTreeMap::new(),
            recipients: HashMap::new(),
            conditions: Vec::new(),
            row: VecDeque::new(),
            default: Play::accept(),
        }
    }
}

impl<C: Channel> fmt::Debug for Script<C> {
    /// Shows no address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("calls", &self.calls)
            .field("recipients", &self.recipients.len())
            .field("conditions", &self.conditions.len())
            .field("row", &self.row)
            .field("default", &self.default)
            .finish()
    }
}
