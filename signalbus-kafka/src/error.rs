//! What can go wrong between us and a broker, in one place.

use kafka_protocol::ResponseError;
use rskafka::client::error::{Error as ClientError, ProtocolError};
use signalbus_core::bus::{BusError, BusErrorKind};

/// Why a call to a broker did not do what it should. Shows no address and no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no broker answered in time")]
    Deadline,
    #[error("no broker can be reached")]
    Unreachable(#[source] std::io::Error),
    #[error("TLS with the broker failed: check the authority that is trusted and the host name")]
    Tls(#[source] std::io::Error),
    #[error("the broker refused the sign-in: check mechanism, user and password")]
    SignIn,
    #[error("there is no token to sign in with")]
    Token,
    #[error("the broker is of a version that does not speak {0} as we do; Kafka 2.1 or newer does")]
    Version(&'static str),
    #[error("an answer of the broker cannot be read: {0}")]
    Answer(&'static str),
    #[error("the topic or partition has no leader at the moment")]
    Leaderless,
    #[error("the topic does not exist, or does not have this partition")]
    Missing,
    #[error("the topic exists already")]
    Exists,
    #[error("the account may not do this: give it the rights that the documentation lists")]
    Forbidden,
    #[error("the broker takes no record of this size: see `message.max.bytes` of the topic")]
    TooLarge,
    #[error("the broker answered {0}")]
    Refused(String),
    #[error("the client gave up")]
    Client,
}

impl Failure {
    /// The request is wrong, and will be wrong next time.
    fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Missing | Self::Forbidden | Self::TooLarge | Self::Exists
        )
    }

    /// Whether it may have come of asking the wrong broker.
    pub(crate) fn is_stale(&self) -> bool {
        !matches!(self, Self::Forbidden | Self::TooLarge | Self::SignIn)
    }

    /// Whether it says nothing of what was asked: it would have gone the same way with anything
    /// else, and the connection is of no use any more.
    pub(crate) fn is_everybodys(&self) -> bool {
        !matches!(self, Self::TooLarge | Self::Forbidden)
    }

    /// The same once more, for another who waited for it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Unreachable(error) => Self::Unreachable(error.kind().into()),
            Self::Tls(error) => Self::Tls(error.kind().into()),
            Self::Refused(name) => Self::Refused(name.clone()),
            Self::Deadline => Self::Deadline,
            Self::SignIn => Self::SignIn,
            Self::Token => Self::Token,
            Self::Version(name) => Self::Version(name),
            Self::Answer(problem) => Self::Answer(problem),
            Self::Leaderless => Self::Leaderless,
            Self::Missing => Self::Missing,
            Self::Exists => Self::Exists,
            Self::Forbidden => Self::Forbidden,
            Self::TooLarge => Self::TooLarge,
            Self::Client => Self::Client,
        }
    }

    /// `doing` is what was tried, like "publishing to the topic `x`".
    pub(crate) fn at(self, doing: &str) -> BusError {
        let kind = if self.is_permanent() {
            BusErrorKind::Invalid
        } else {
            BusErrorKind::Unavailable
        };
        BusError::new(kind, format!("{doing} failed: {self}")).with_source(self)
    }

    /// What a number in an answer means; nothing for zero.
    pub(crate) fn of(code: i16) -> Result<(), Self> {
        let Some(error) = ResponseError::try_from_code(code) else {
            return Ok(());
        };
        Err(match error {
            ResponseError::UnknownTopicOrPartition | ResponseError::InvalidTopicException => {
                Self::Missing
            }
            ResponseError::TopicAuthorizationFailed
            | ResponseError::GroupAuthorizationFailed
            | ResponseError::ClusterAuthorizationFailed => Self::Forbidden,
            ResponseError::SaslAuthenticationFailed
            | ResponseError::UnsupportedSaslMechanism
            | ResponseError::IllegalSaslState => Self::SignIn,
            ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge => Self::TooLarge,
            ResponseError::LeaderNotAvailable
            | ResponseError::NotLeaderOrFollower
            | ResponseError::ReplicaNotAvailable
            | ResponseError::FencedLeaderEpoch
            | ResponseError::UnknownLeaderEpoch => Self::Leaderless,
            other => Self::Refused(format!("{other:?}")),
        })
    }
}

impl From<ClientError> for Failure {
    /// Its errors show addresses of brokers: only what they are is kept.
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::ServerError { protocol_error, .. } => match protocol_error {
                ProtocolError::UnknownTopicOrPartition | ProtocolError::InvalidTopicException => {
                    Self::Missing
                }
                ProtocolError::TopicAlreadyExists => Self::Exists,
                ProtocolError::TopicAuthorizationFailed
                | ProtocolError::ClusterAuthorizationFailed => Self::Forbidden,
                ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge => {
                    Self::TooLarge
                }
                ProtocolError::LeaderNotAvailable | ProtocolError::NotLeaderOrFollower => {
                    Self::Leaderless
                }
                other => Self::Refused(format!("{other:?}")),
            },
            ClientError::Connection(error) => Self::of_connection(&error),
            ClientError::Timeout => Self::Deadline,
            ClientError::InvalidResponse(_) => Self::Answer("it does not fit the question"),
            _ => Self::Client,
        }
    }
}

impl Failure {
    fn of_connection(error: &rskafka::ConnectionError) -> Self {
        match error {
            rskafka::ConnectionError::SaslFailed(_) => Self::SignIn,
            rskafka::ConnectionError::Transport { .. } => {
                Self::Unreachable(std::io::ErrorKind::NotConnected.into())
            }
            // The last of its tries says more than that there were tries.
            rskafka::ConnectionError::RetryFailed(rskafka::BackoffError::DeadlineExceded {
                source,
                ..
            }) => match source.downcast_ref::<rskafka::ConnectionError>() {
                Some(last) => Self::of_connection(last),
                None => Self::Unreachable(std::io::ErrorKind::NotConnected.into()),
            },
            _ => Self::Client,
        }
    }
}
