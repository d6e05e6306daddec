//! What the fuzz targets do with their input, built by a stable toolchain.
//!
//! Each target takes any bytes and panics when a promise is broken. libFuzzer finds the bytes
//! (`cargo xtask fuzz`); the tests of this crate replay what it found before (`corpus/`), with a
//! few thousand mutations, so that every run of the tests fuzzes a little.
//!
//! | Target | Input | Promises |
//! |---|---|---|
//! | [`email_address`] | text | addresses and mailboxes: one normal form, nothing hidden in it, never shown |
//! | [`phone_number`] | text | numbers and senders: one normal form, never shown |
//! | [`sms_text`] | text | segments and messages |
//! | [`template`] | sources and data | limits hold, values are escaped, data is never shown |
//! | [`event`] | JSON | what is read is what was written; what is refused is never shown |
//! | [`mail`] | JSON | no header that nobody set, no line that servers cut |
//! | [`content`] | JSON | the record of an event, also of a newer version |
//! | [`bus_message`] | JSON | an event on a bus |
//! | [`kept_message`] | JSON | a message kept for the next try |
//! | [`history`] | JSON | a line of a delivery's history |
//! | [`smtp_reply`] | bytes | what a mail server answers: read in whatever pieces it comes, never shown |
//! | [`bounce`] | a mail | reports: about nothing that was not proved, never shown |
//! | [`names`] | text | names, ids, trace contexts, words, URLs |
//! | [`sqlite_row`] | values | rows of a damaged file |

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a target panics when a promise is broken: that is how a finding is told"
)]

pub mod bounce;
pub mod bus_message;
pub mod content;
pub mod email_address;
mod engine;
pub mod event;
pub mod history;
pub mod kept_message;
pub mod mail;
pub mod names;
pub mod phone_number;
#[cfg(test)]
mod replay;
mod secret;
pub mod sms_text;
pub mod smtp_reply;
pub mod sqlite_row;
pub mod template;

/// Makes a program of a target: libFuzzer's when cargo-fuzz builds it, else one that says so.
#[macro_export]
macro_rules! fuzz {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$target::target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::explain(stringify!($target))
        }
    };
}

/// What a target says when it was built without libFuzzer.
#[must_use]
#[expect(clippy::print_stderr, reason = "a program for the terminal")]
pub fn explain(target: &str) -> std::process::ExitCode {
    eprintln!(
        "built without libFuzzer: run `cargo xtask fuzz {target}`, or replay the corpus with \
         `cargo test --package signalbus-fuzz {target}`"
    );
    std::process::ExitCode::FAILURE
}
