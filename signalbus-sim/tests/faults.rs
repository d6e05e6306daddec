//! A server that fails while a host works belongs to every test run, for a moment. `cargo xtask chaos --fault all` has all
//! faults, for longer, and holds the rates to what is promised; here time decides nothing.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[track_caller]
fn nothing_is_lost(fault: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_signalbus-chaos"))
        .args(["--fault", fault, "--lasts", "3", "--unhurried"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("lost         0"), "{said}");
}

#[test]
fn a_server_that_dies_loses_nothing() {
    nothing_is_lost("crash");
}

#[test]
fn a_server_that_stands_still_loses_nothing() {
    nothing_is_lost("freeze");
}
