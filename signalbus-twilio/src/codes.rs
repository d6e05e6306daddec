//! Twilio's codes: one table, by number. Texts change; numbers do not ("Error and Warning Dictionary",
//! November 2026).

use signalbus_core::{
    provider::{Fault, Outcome},
    store::Bounce,
};

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The number.
    pub number: u32,
    /// Its class.
    pub class: Class,
    /// What it says, in our words.
    pub message: &'static str,
}

/// The classes of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The number is no good: nothing will ever arrive there.
    BadRecipient,
    /// The number cannot be reached from this sender, or not now; it may be good all the same.
    Unreachable,
    /// The person asked this sender to stop.
    OptedOut,
    /// The content is not allowed; the number is innocent.
    BadMessage,
    /// Keys, senders, registrations, permissions or credit: the account rests and its messages are kept.
    Configuration,
    /// A limit.
    Throttled,
    /// It was too late.
    Expired,
    /// Twilio or a carrier failed.
    Failed,
}

impl Class {
    /// What it means for a request that was refused with it.
    #[must_use]
    pub const fn refusal(self) -> (Outcome, Fault) {
        match self {
            Self::BadRecipient | Self::Unreachable | Self::OptedOut => {
                (Outcome::Permanent, Fault::Recipient)
            }
            Self::BadMessage | Self::Expired => (Outcome::Permanent, Fault::Message),
            Self::Configuration => (Outcome::Permanent, Fault::Configuration),
            Self::Throttled => (Outcome::Retryable, Fault::Quota),
            Self::Failed => (Outcome::Unknown, Fault::Provider),
        }
    }

    /// What it means for the number when a message that was taken fails with it.
    #[must_use]
    pub const fn bounce(self) -> Bounce {
        match self {
            Self::BadRecipient | Self::OptedOut => Bounce::Hard,
            _ => Bounce::Soft,
        }
    }
}

impl Code {
    /// The code of this number; none when it is not known here: then nothing is concluded from it.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        TABLE
            .iter()
            .find(|(other, ..)| *other == number)
            .map(|&(number, class, message)| Self {
                number,
                class,
                message,
            })
    }

    /// All codes that are known here.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(number, class, message)| Self {
            number,
            class,
            message,
        })
    }
}

use Class::{
    BadMessage, BadRecipient, Configuration, Expired, Failed, OptedOut, Throttled, Unreachable,
};

const TABLE: &[(u32, Class, &str)] = &[
    // Of requests.
    (10001, Configuration, "the account is not active"),
    (20003, Configuration, "the credentials are refused"),
    (20005, Configuration, "the account is not active"),
    (
        20404,
        Configuration,
        "the account or a resource is not known: check the SIDs and the region",
    ),
    (20429, Throttled, "too many requests"),
    (20500, Failed, "Twilio failed"),
    (20503, Failed, "Twilio is not available"),
    (21211, BadRecipient, "the number is not valid"),
    (21212, Configuration, "the sender is not valid"),
    (
        21408,
        Configuration,
        "the account may not send to this country",
    ),
    (21602, BadMessage, "there is no text and no media"),
    (21603, Configuration, "there is no sender"),
    (21604, BadMessage, "there is no recipient"),
    (21605, BadMessage, "the text is too long"),
    (
        21606,
        Configuration,
        "the sender is not the account's, or sends no texts",
    ),
    (
        21608,
        Configuration,
        "a trial account sends to verified numbers only",
    ),
    (21609, Configuration, "the URL for receipts is not valid"),
    (21610, OptedOut, "the person has opted out of this sender"),
    (21611, Throttled, "the queue of the sender is full"),
    (
        21612,
        Unreachable,
        "there is no way from this sender to this number",
    ),
    (
        21614,
        BadRecipient,
        "the number is not one of a mobile telephone",
    ),
    (
        21617,
        BadMessage,
        "the text is longer than 1,600 characters",
    ),
    (21619, BadMessage, "there is no text and no media"),
    (21620, BadMessage, "a media URL is not valid"),
    (21635, BadRecipient, "the number is one of a landline"),
    (21655, BadMessage, "the content template is not valid"),
    (
        21656,
        BadMessage,
        "the variables of the content template are not valid",
    ),
    (
        21660,
        Configuration,
        "the sender does not belong to the account",
    ),
    (
        21666,
        Configuration,
        "a fallback sender needs a messaging service",
    ),
    (21703, Configuration, "the messaging service has no sender"),
    (
        21704,
        Configuration,
        "the messaging service has no sender for this number",
    ),
    (21705, Configuration, "the messaging service is not known"),
    // Of messages that were taken, by receipt.
    (30001, Throttled, "the queue overflowed"),
    (30002, Configuration, "the account is suspended"),
    (30003, Unreachable, "the telephone cannot be reached"),
    (30004, Unreachable, "the message is blocked"),
    (30005, BadRecipient, "the number is not known"),
    (
        30006,
        BadRecipient,
        "the number is one of a landline, or its carrier takes no texts",
    ),
    (30007, BadMessage, "the message was filtered"),
    (30008, Failed, "the carrier does not say why"),
    (30010, BadMessage, "the message costs more than is allowed"),
    (30017, Failed, "the carrier is congested"),
    (
        30018,
        Configuration,
        "the sender is not provisioned at the carrier",
    ),
    (30022, Throttled, "the registered campaign sends too fast"),
    (30023, Throttled, "the daily limit of the brand is reached"),
    (
        30024,
        Configuration,
        "the sender is not provisioned at the carrier",
    ),
    (
        30027,
        Throttled,
        "the daily limit of the campaign is reached",
    ),
    (30032, Configuration, "the toll-free number is not verified"),
    (30033, Configuration, "the campaign is suspended"),
    (
        30034,
        Configuration,
        "the sender is not registered for A2P 10DLC",
    ),
    (30035, Configuration, "the sender is being configured"),
    (30036, Expired, "it was not delivered in time"),
    (
        30038,
        BadMessage,
        "a one-time password went to a number that takes none",
    ),
    (30046, Unreachable, "the telephone cannot be reached by RCS"),
    (30450, BadMessage, "the message was filtered"),
    (30453, BadMessage, "the message was stopped as fraud"),
    (
        30485,
        Unreachable,
        "the number is on a list of numbers not to be called",
    ),
    (
        30915,
        Configuration,
        "the registration of the sender does not allow it",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_each_code_once() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
    }

    /// What the account or its sender did is no reason to write a person off.
    #[test]
    fn only_a_number_that_is_no_good_or_opted_out_is_given_up() {
        for code in Code::all() {
            let hard = code.class.bounce() == Bounce::Hard;
            let expected = [21211, 21610, 21614, 21635, 30005, 30006].contains(&code.number);
            assert_eq!(hard, expected, "{}", code.number);
        }
    }
}
