//! Sending, against the scripted server of the test kit.

#![cfg(feature = "smtp")]

mod accounts;
mod envelope;
mod pool;
mod secure;
mod sign_in;
mod stages;
mod suite;
mod support;
