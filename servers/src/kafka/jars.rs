//! The broker's files, by Maven, once for each version.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::process;

/// The version that is started, unless the environment names another.
const NEWEST: &str = "4.4.0";

/// The variable with the version to start, like `3.9.2`.
const VERSION: &str = "SIGNALBUS_TEST_KAFKA_VERSION";

/// The folder with the broker and its tools; downloaded into the folder where cargo builds when it
/// is not there yet.
pub(super) fn folder() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    let version = std::env::var(VERSION).unwrap_or_else(|_| NEWEST.to_owned());
    let folder = target.join(format!("kafka-{version}"));
    if folder.exists() {
        return folder
            .canonicalize()
            .map_err(|error| format!("{}: {error}", folder.display()));
    }
    std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    // Made beside it and moved, so that a download that broke off is not taken for one.
    let made = tempfile::Builder::new()
        .prefix("kafka-download-")
        .tempdir_in(&target)
        .map_err(|error| error.to_string())?;
    std::fs::write(made.path().join("pom.xml"), project(&version))
        .map_err(|error| error.to_string())?;
    let maven = process::find("mvn", &process::path(), "maven")?;
    let mut download = Command::new(maven);
    download
        .current_dir(made.path())
        .stdin(Stdio::null())
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg("-DoutputDirectory=libs");
    process::run(&mut download)?;
    match std::fs::rename(made.path().join("libs"), &folder) {
        Err(error) if !folder.exists() => Err(format!("{}: {error}", folder.display())),
        // Another process may have been faster.
        _ => folder
            .canonicalize()
            .map_err(|error| format!("{}: {error}", folder.display())),
    }
}

fn project(kafka: &str) -> String {
    let dependency = |group: &str, name: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    let dependencies = [
        dependency("org.apache.kafka", "kafka_2.13", kafka),
        dependency("org.apache.kafka", "kafka-tools", kafka),
        // Prints to the standard error.
        dependency("org.slf4j", "slf4j-simple", "1.7.36"),
    ]
    .concat();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>signalbus</groupId><artifactId>broker</artifactId><version>1</version>\
         <dependencies>{dependencies}</dependencies></project>"
    )
}
