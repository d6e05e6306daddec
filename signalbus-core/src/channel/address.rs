use std::fmt::Debug;

/// Where a message goes. `Debug` must not show it.
pub trait Address: Clone + Debug + Send + Sync + Sized + 'static {
    /// Checks an address and brings it into its normal form: two spellings that reach the same
    /// place must give the same [`Address::as_str`].
    ///
    /// # Errors
    /// Says what is wrong, without repeating the address.
    fn parse(text: &str) -> Result<Self, AddressError>;

    /// The normal form.
    fn as_str(&self) -> &str;
}

/// An address that no message can be sent to. Never repeats the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    message: String,
}

impl AddressError {
    /// `message` says what is wrong, without repeating the address.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}
