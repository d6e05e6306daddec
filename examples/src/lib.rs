//! Programs that show Signalbus at work; see the folder for each of them.

/// The program of the repository's README is run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
