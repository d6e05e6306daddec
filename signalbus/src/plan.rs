use std::fmt;

use serde::Serialize;

use crate::{
    name::{ChannelName, ProviderName, TenantId, Topic},
    publish::Answer,
};

/// What would happen to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Whose event it is.
    pub tenant: TenantId,
    /// What it is about.
    pub topic: Topic,
    /// Whether the policy has a rule for the topic.
    pub rule: bool,
    /// One line for each recipient and channel.
    pub deliveries: Vec<PlannedDelivery>,
}

/// One line of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedDelivery {
    /// The place of the recipient in the event.
    pub recipient: usize,
    /// The channel; none when there is no route.
    pub channel: Option<ChannelName>,
    /// Who would send it, in order of preference.
    pub providers: Vec<ProviderName>,
    /// What the publisher would be answered.
    pub answer: Answer,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of tenant {}", self.topic, self.tenant)?;
        if !self.rule {
            writeln!(f, "  the policy has no rule for this topic")?;
        }
        for line in &self.deliveries {
            let channel = line
                .channel
                .as_ref()
                .map_or("no channel", ChannelName::as_str);
            write!(f, "  recipient {} on {channel}: ", line.recipient)?;
            match &line.answer {
                Answer::Queued => write!(f, "at once")?,
                Answer::Scheduled(at) => write!(f, "at {at}")?,
                Answer::NoRoute => write!(f, "no route")?,
                Answer::Rejected(why) => write!(f, "rejected: {why}")?,
                other => write!(f, "{other:?}")?,
            }
            for provider in &line.providers {
                write!(f, ", {provider}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
