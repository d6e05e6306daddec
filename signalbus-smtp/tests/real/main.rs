//! Sending to mail servers that others wrote. They have to be installed: a test without its server
//! fails and says what to install.

#![cfg(feature = "smtp")]

mod aiosmtpd;
#[path = "../smtp/support.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod support;
