//! Names: short validated strings that are cheap to clone.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use serde::{Deserialize, Serialize, Serializer};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} must be 1 to {max} characters of a-z, A-Z, 0-9, '.', '_' or '-'; this one {problem}"
)]
pub struct NameError {
    kind: &'static str,
    max: usize,
    problem: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When it is empty, too long, or has a character that is not allowed.
            pub fn new(name: impl AsRef<str>) -> Result<Self, NameError> {
                let name = name.as_ref();
                check(name, $max)
                    .map_err(|problem| NameError { kind: $kind, max: $max, problem })?;
                Ok(Self(Arc::from(name)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Ord for $name {
            /// Most names that meet are clones of one.
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) {
                    Ordering::Equal
                } else {
                    self.0.cmp(&other.0)
                }
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// Whose event it is. A tenant never sees another tenant's work.
    TenantId, "a tenant id", 64
}
name! {
    /// What an event is about, such as `user.signup`; the policy maps it to channels.
    Topic, "a topic", 128
}
name! {
    /// The persisted name of a kind of message, such as `email`.
    ChannelName, "a channel name", 32
}
name! {
    /// Which of several lineups of providers a channel has for a tenant, such as `us` or `alerts`.
    PoolName, "the name of a pool", 32
}
name! {
    /// The name of a configured provider, such as `mailgun-eu`.
    ProviderName, "a provider name", 64
}

impl Default for TenantId {
    /// The tenant of applications that have only one: `default`.
    fn default() -> Self {
        static DEFAULT: LazyLock<TenantId> = LazyLock::new(|| TenantId(Arc::from("default")));
        DEFAULT.clone()
    }
}

impl Topic {
    /// The topic of what came from a bus and could not be read.
    #[must_use]
    pub fn unreadable() -> Self {
        Self(Arc::from("unreadable"))
    }
}

fn check(name: &str, max: usize) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.len() > max {
        return Err("is too long");
    }
    if name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    {
        Ok(())
    } else {
        Err("has another character")
    }
}
