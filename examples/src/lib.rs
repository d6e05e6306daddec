//! Programs that show Signalbus at work; see the folder for each of them.

/// The program of the repository's README is compiled with the tests; `first_program` is the same and is run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
