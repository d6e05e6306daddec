//! Sending to mail servers that others wrote. They have to be installed: a test without its server
//! fails and says what to install.

#![cfg(feature = "smtp")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod aiosmtpd;
mod corpus;
mod postfix;
#[path = "../smtp/support.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod support;
