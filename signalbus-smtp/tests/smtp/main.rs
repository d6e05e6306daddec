//! Sending, against the scripted server of the test kit.

#![cfg(feature = "smtp")]

mod stages;
mod suite;
mod support;
