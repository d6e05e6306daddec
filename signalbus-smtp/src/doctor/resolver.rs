use async_trait::async_trait;

/// Looks names up in DNS, for instance with the crate `hickory-resolver`.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The TXT records of a name, the strings of each joined. None is an empty list, also when there
    /// is no such name.
    ///
    /// # Errors
    /// When nobody could be asked.
    async fn txt(&self, name: &str) -> Result<Vec<String>, ResolveError>;
}

/// The name servers did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name servers did not answer")]
pub struct ResolveError;
