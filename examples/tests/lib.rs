//! The examples as their users run them: the tests are beside this file.

/// The program of the repository's README is compiled with the tests; `first_program` is the same and is run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
