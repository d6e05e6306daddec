use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::process;

/// Runs a class, or a program of one file, with the client and the tools of Kafka.
pub(super) fn run(jars: &Path, class: &str, words: &[&str]) -> Result<String, String> {
    let java = process::find("java", &process::path(), "default-jdk-headless maven")?;
    let output = Command::new(java)
        .args(["-Xmx128m", "-XX:TieredStopAtLevel=1"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("java cannot be started: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Err(format!("{class}: {}: {out}{err}", output.status))
    }
}
