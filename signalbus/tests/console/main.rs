//! The console keeps the rules of all providers, and what it prints can be read and trusted.

#![cfg(test)]
#![cfg(all(feature = "email", feature = "sms"))]

mod engine;
mod note;
mod output;
mod paper;
mod suites;
