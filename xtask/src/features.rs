//! Each feature of each library builds alone.
//!
//! The other steps build with all features, where one feature can lean on another unnoticed.

use crate::metadata::{Metadata, Package};
use crate::process::{cargo, component, run as run_command};
use crate::report::{Done, Report};

pub(crate) fn run(report: &mut Report) {
    report.step("each feature alone", || {
        component("clippy", "clippy")?;
        let mut builds = 0;
        let mut failures = Vec::new();
        for package in Metadata::load()?.libraries() {
            for choice in choices(&package) {
                builds += 1;
                if build(&package, &choice).is_err() {
                    let features = choice.join(" ");
                    failures.push(format!("{} {features}", package.name).trim_end().to_owned());
                }
            }
        }
        if failures.is_empty() {
            Ok(Done::Ran(format!("{builds} builds")))
        } else {
            Err(format!("does not build: {}", failures.join("; ")))
        }
    });
}

/// Clippy is `cargo check` that can turn the warnings of our own crates into errors.
fn build(package: &Package, choice: &[String]) -> Result<(), String> {
    let mut command = cargo(["clippy", "--package", &package.name]);
    command.args(choice).args(["--", "-D", "warnings"]);
    run_command(command)
}

/// The arguments of each build: the defaults, nothing, and each feature alone.
fn choices(package: &Package) -> Vec<Vec<String>> {
    let none = "--no-default-features".to_owned();
    let mut choices = vec![Vec::new()];
    if !package.features.is_empty() {
        choices.push(vec![none.clone()]);
    }
    let public = |name: &&String| *name != "default" && !name.starts_with("__");
    for feature in package.features.keys().filter(public) {
        choices.push(vec![none.clone(), format!("--features={feature}")]);
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(features: &str) -> Package {
        let json = format!(
            r#"{{"name": "p", "manifest_path": "p", "features": {features}, "targets": []}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn without_features_there_is_one_build() {
        assert_eq!(choices(&package("{}")), [Vec::<String>::new()]);
    }

    #[test]
    fn with_features_there_are_the_defaults_none_and_each_alone() {
        let choices = choices(&package(r#"{"default": ["a"], "a": [], "b": []}"#));
        let lines: Vec<String> = choices.iter().map(|choice| choice.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "",
                "--no-default-features",
                "--no-default-features --features=a",
                "--no-default-features --features=b",
            ]
        );
    }
}
