//! The quickstart in a terminal as most people have one.

#![cfg(unix)]

use std::{fs::File, io::Read, process::Command};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::process::Program;

const COLUMNS: u16 = 80;

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    let dir = tempfile::tempdir().unwrap();
    for run in ["first", "second"] {
        let shown = in_a_terminal(&mut Program::new("quickstart", dir.path()).bare());
        assert!(shown.contains("Not sent, and why:"), "{shown}");
        for line in shown.split(['\n', '\r']) {
            let width = line.chars().count();
            assert!(
                width <= usize::from(COLUMNS),
                "{run} run, {width} columns: {line}"
            );
        }
    }
}

/// What a program shows in a terminal, without its colours and movements.
fn in_a_terminal(command: &mut Command) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: COLUMNS,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let open = || {
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap()
    };
    let mut child = command.stdout(open()).stderr(open()).spawn().unwrap();
    // What is read ends with the last who holds the other side.
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut shown = Vec::new();
    let mut ours = File::from(ours);
    let mut buffer = [0; 4096];
    // Linux says EIO in place of an end.
    while let Ok(read @ 1..) = ours.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..read]);
    }
    assert!(child.wait().unwrap().success());
    without_commands(&String::from_utf8(shown).unwrap())
}

/// Takes out `ESC [ … letter`. What is neither a colour nor wipes something moves to another line.
fn without_commands(shown: &str) -> String {
    let mut out = String::new();
    let mut parts = shown.split("\u{1b}[");
    out.extend(parts.next());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        let Some(end) = end else { continue };
        if !matches!(&part[end..=end], "m" | "K" | "J") {
            out.push('\n');
        }
        out.push_str(&part[end + 1..]);
    }
    out
}
