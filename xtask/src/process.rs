//! Running programs: printed before they run, without standard input.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// A cargo command; the same cargo that runs this program.
pub(crate) fn cargo<I>(arguments: I) -> Command
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // What cargo told us of this package is no news to the crates below: some build again for it.
    for (name, _) in std::env::vars_os() {
        let ours =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end; the output goes to the terminal.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    announce(&command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| cannot_start(&command, &error))?;
    success(&command, status)
}

/// Runs to the end and returns standard output; errors go to the terminal.
pub(crate) fn capture(command: Command) -> Result<String, String> {
    announce(&command);
    capture_quietly(command)
}

/// The same without a word on standard output, for chores whose own output is read by programs.
pub(crate) fn capture_quietly(mut command: Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(&command, &error))?;
    success(&command, output.status)?;
    String::from_utf8(output.stdout)
        .map_err(|error| format!("{}: output is not UTF-8: {error}", describe(&command)))
}

/// Runs to the end and returns what it wrote as errors, which go to the terminal when it fails.
pub(crate) fn capture_errors(mut command: Command) -> Result<String, String> {
    announce(&command);
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::inherit())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| cannot_start(&command, &error))?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    success(&command, output.status)
        .inspect_err(|_| eprint!("{errors}"))
        .map(|()| errors)
}

/// Runs to the end, showing each line of standard output also to `look`.
pub(crate) fn watch(mut command: Command, mut look: impl FnMut(&str)) -> Result<(), String> {
    announce(&command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(&command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| format!("{}: {error}", describe(&command)))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            look(&line);
        }
    }
    let status = child
        .wait()
        .map_err(|error| format!("{}: {error}", describe(&command)))?;
    success(&command, status)
}

/// Whether the command can be started and succeeds; prints nothing.
pub(crate) fn works(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Prints the command as one would type it.
pub(crate) fn announce(command: &Command) {
    println!("$ {}", describe(command));
}

pub(crate) fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{}: cannot start: {error}", describe(command))
}

pub(crate) fn success(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", describe(command)))
    }
}

fn describe(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| {
            format!(
                "{}={}",
                name.to_string_lossy(),
                quoted(&value.to_string_lossy())
            )
        });
    let program = std::path::Path::new(command.get_program())
        .file_stem()
        .unwrap_or_else(|| command.get_program());
    let arguments = command
        .get_args()
        .map(|argument| quoted(&argument.to_string_lossy()));
    variables
        .chain([program.to_string_lossy().into_owned()])
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '{']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

/// A minimal installation of Rust has neither clippy nor rustfmt.
pub(crate) fn component(subcommand: &str, component: &str) -> Result<(), String> {
    if works(cargo([subcommand, "--version"])) {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args(["component", "add", component]);
    run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/opt/tools/cargo");
        command
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            describe(&command),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
    }

    #[test]
    fn a_missing_program_is_an_error_with_its_name() {
        let error = run(Command::new("no-such-program-here")).unwrap_err();
        assert!(error.starts_with("no-such-program-here: cannot start"));
        assert!(!works(Command::new("no-such-program-here")));
    }
}
