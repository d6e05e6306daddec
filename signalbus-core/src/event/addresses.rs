use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a recipient is reached on one channel: most have one address, some have several, as one for
/// each device. In JSON a string, or an array of them.
///
/// ```
/// use signalbus::event::Recipient;
///
/// let ada = Recipient::new().sms("+447700900123").sms("+447700900124");
/// assert_eq!(ada.addresses["sms"].iter().count(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Addresses {
    /// One.
    One(String),
    /// Any number of them, each of which gets the message.
    Many(Vec<String>),
}

impl Addresses {
    /// All of them, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        self.as_slice().iter()
    }

    /// All of them, in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Many(addresses) => addresses,
        }
    }

    /// Adds one.
    pub fn push(&mut self, address: impl Into<String>) {
        match self {
            Self::One(first) => *self = Self::Many(vec![std::mem::take(first), address.into()]),
            Self::Many(addresses) => addresses.push(address.into()),
        }
    }
}

impl<'a> IntoIterator for &'a Addresses {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<&str> for Addresses {
    fn from(address: &str) -> Self {
        Self::One(address.to_owned())
    }
}

impl From<String> for Addresses {
    fn from(address: String) -> Self {
        Self::One(address)
    }
}

impl From<Vec<String>> for Addresses {
    fn from(addresses: Vec<String>) -> Self {
        Self::Many(addresses)
    }
}

impl fmt::Debug for Addresses {
    /// Shows how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} addresses", self.iter().len())
    }
}
