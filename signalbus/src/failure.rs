//! An error on its way out of `main`.

use std::{error::Error, fmt};

use crate::chain::Chain;

/// Any error, for the `Result` of a `main`: shown with all its causes, in words.
///
/// A `main` that answers an error is shown by its `Debug`, which of most errors is made for programmers
/// (`Error: NoStore`). This one shows what the error says:
///
/// ```
/// use signalbus::{Failure, Signalbus};
///
/// fn main_that_fails() -> Result<(), Failure> {
///     Signalbus::builder().build()?;
///     Ok(())
/// }
/// let failure = main_that_fails().unwrap_err();
/// assert!(format!("{failure:?}").starts_with("no store: give one with Builder::store"));
/// ```
///
/// It is no error itself, so that `?` can make it of every error.
pub struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Chain(&*self.0).fmt(f)
    }
}

impl fmt::Debug for Failure {
    /// As `Display`: what a program says at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
