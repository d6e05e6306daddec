//! Which channels hear of a topic.

use std::collections::BTreeMap;

use crate::{
    channel::Channel,
    name::{PoolName, Topic},
};

/// Maps topics to channels, in code.
///
/// The longest pattern that matches decides: a topic's own name, or a prefix with `.*`; a topic
/// that matches none has no route, which is recorded with the event.
///
/// ```
/// use signalbus::{Policy, channel::{Email, Sms}};
///
/// let policy = Policy::new()
///     .on::<Email>("user.*")
///     .on::<Sms>("auth.code")
///     .on::<Email>("order.shipped")
///     .on::<Sms>("order.shipped");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Policy {
    exact: BTreeMap<String, Plan>,
    /// By what comes before `.*`.
    under: BTreeMap<String, Plan>,
    any: Option<Plan>,
}

/// What a rule says about its topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) channels: Vec<&'static str>,
    pub(crate) template: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) pool: Option<PoolName>,
}

impl Policy {
    /// A policy without rules: nothing is sent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Topics that match `pattern` go to channel `C`, besides those named before.
    #[must_use]
    pub fn on<C: Channel>(mut self, pattern: impl Into<String>) -> Self {
        let plan = self.rule(pattern.into());
        if !plan.channels.contains(&C::NAME) {
            plan.channels.push(C::NAME);
        }
        self
    }

    /// Topics that match `pattern` are rendered from `template`, not from one named after the
    /// topic.
    #[must_use]
    pub fn template(mut self, pattern: impl Into<String>, template: impl Into<String>) -> Self {
        self.rule(pattern.into()).template = Some(template.into());
        self
    }

    /// Messages of topics that match `pattern` are of this category, such as `newsletter`: an address
    /// may be suppressed for one category alone.
    #[must_use]
    pub fn category(mut self, pattern: impl Into<String>, category: impl Into<String>) -> Self {
        self.rule(pattern.into()).category = Some(category.into());
        self
    }

    /// Messages of topics that match `pattern` are sent by this pool of providers, where their channel
    /// has one of that name ([`ChannelSetup::for_pool`](crate::ChannelSetup::for_pool)).
    #[must_use]
    pub fn pool(mut self, pattern: impl Into<String>, pool: PoolName) -> Self {
        self.rule(pattern.into()).pool = Some(pool);
        self
    }

    fn rule(&mut self, mut pattern: String) -> &mut Plan {
        if pattern == "*" {
            return self.any.get_or_insert_default();
        }
        match pattern.strip_suffix(".*").map(str::len) {
            Some(prefix) => {
                pattern.truncate(prefix);
                self.under.entry(pattern).or_default()
            }
            None => self.exact.entry(pattern).or_default(),
        }
    }

    /// Everything named in the rules, to be checked when the engine is built.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (String, &Plan)> {
        let exact = self.exact.iter().map(|(topic, plan)| (topic.clone(), plan));
        let under = self.under.iter();
        let under = under.map(|(prefix, plan)| (format!("{prefix}.*"), plan));
        let any = self.any.iter().map(|plan| ("*".to_owned(), plan));
        exact.chain(under).chain(any)
    }

    pub(crate) fn plan(&self, topic: &Topic) -> Option<&Plan> {
        let topic = topic.as_str();
        let exact = self.exact.get(topic);
        let under = || {
            topic
                .rmatch_indices('.')
                .find_map(|(dot, _)| self.under.get(&topic[..dot]))
        };
        exact.or_else(under).or(self.any.as_ref())
    }
}

/// Whether a pattern is a topic, a prefix with `.*`, or `*`.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    let name = pattern.strip_suffix(".*").unwrap_or(pattern);
    pattern == "*" || Topic::new(name).is_ok()
}

#[cfg(all(test, feature = "email", feature = "sms"))]
mod tests {
    use super::*;
    use crate::channel::{Email, Sms};

    #[test]
    fn the_longest_match_decides() {
        let policy = Policy::new()
            .on::<Email>("*")
            .on::<Sms>("auth.*")
            .on::<Email>("auth.code.mail");
        let channels = |topic: &str| {
            policy
                .plan(&Topic::new(topic).unwrap())
                .map(|plan| plan.channels.clone())
        };
        assert_eq!(channels("auth.code.mail"), Some(vec!["email"]));
        assert_eq!(channels("auth.code.text"), Some(vec!["sms"]));
        assert_eq!(channels("auth"), Some(vec!["email"]));
        assert_eq!(channels("other"), Some(vec!["email"]));
        assert_eq!(
            Policy::new()
                .on::<Email>("a.*")
                .plan(&Topic::new("b").unwrap()),
            None
        );
    }
}
