//! `signalbus`: looks after an installation from a terminal. See `README.md`, or `signalbus --help`.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `arguments` | what can be typed |
//! | `target` | which store is meant, and opening it for looking or for changing |
//! | `commands` | one file a command: from arguments to an [`answer::Answer`] |
//! | `answer` | what a command says: a text, the same as JSON, and an exit code |
//! | `table`, `moment`, `address`, `names` | tables of 80 columns, times, addresses, DNS |

#![expect(
    clippy::print_stderr,
    reason = "a program for the terminal: progress and errors go there"
)]

mod address;
mod answer;
mod arguments;
mod commands;
mod failure;
mod moment;
mod names;
mod table;
mod target;
mod visible;

use std::{io::Write, process::ExitCode};

use clap::Parser;

use crate::{answer::Answer, arguments::Arguments, failure::Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match commands::run(arguments).await {
        Ok(answer) => print(&answer, json),
        Err(failure) => {
            eprintln!("{}", if json { failure.json() } else { failure.text() });
            ExitCode::from(failure.code())
        }
    }
}

/// A reader that went away, as `head` does, is no failure.
fn print(answer: &Answer, json: bool) -> ExitCode {
    let shown = if json {
        format!("{:#}\n", answer.json)
    } else {
        answer.text.clone()
    };
    match std::io::stdout().lock().write_all(shown.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let failure = Failure::from(error);
            eprintln!("{}", failure.text());
            ExitCode::from(failure.code())
        }
        _ => ExitCode::from(answer.code),
    }
}
