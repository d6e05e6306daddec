//! `cargo xtask fuzz`: libFuzzer looks for inputs that break a promise; the targets are in fuzz/.
//!
//! Coverage needs a nightly compiler, and cargo-fuzz to drive it. Both are installed when they are
//! missing; where they cannot be had, that is said, and the replay of the corpus among the tests
//! is all the fuzzing there is.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::metadata::Metadata;
use crate::process::{capture_errors, cargo, run as run_command, works};
use crate::report::{Done, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Stop each target after this many inputs, if that is sooner.
    #[arg(long)]
    runs: Option<u32>,
    /// Try the same inputs each time; others each time without it.
    #[arg(long)]
    seed: Option<u32>,
    /// One target; all of them when none is named.
    target: Option<String>,
}

impl Arguments {
    /// What `test --all` tries: the same inputs each time, so that it never fails by chance.
    pub(crate) fn short() -> Self {
        Self {
            seconds: 60,
            runs: Some(20_000),
            seed: Some(1),
            target: None,
        }
    }
}

const PACKAGE: &str = "signalbus-fuzz";
/// Beside the other builds: these have other flags.
const BUILDS: &str = "target/fuzz";
/// Where finds are gathered; the corpus itself is only read, so that a run leaves no changes.
const FOUND: &str = "target/fuzz-corpus";
/// The longest input, in bytes; as in the replay.
const LONGEST: u32 = 4096;

pub(crate) fn run(report: &mut Report, arguments: &Arguments) {
    let mut targets = Vec::new();
    report.step("build fuzz targets", || {
        let known = targets_of(Metadata::load()?)?;
        let wanted: Vec<String> = match &arguments.target {
            None => known,
            Some(target) if known.contains(target) => vec![target.clone()],
            Some(target) => {
                let known = known.join(", ");
                return Err(format!("there is no target {target}; there are {known}"));
            }
        };
        if let Err(missing) = install() {
            return Ok(Done::NotChecked(missing));
        }
        build(arguments.target.as_deref())?;
        targets = wanted;
        Ok(Done::Ran(format!("{} targets", targets.len())))
    });
    for target in targets {
        report.step(&format!("fuzz {target}"), || {
            let runs = fuzz(&target, arguments)?;
            Ok(Done::Ran(format!("{runs} runs")))
        });
    }
}

fn targets_of(metadata: Metadata) -> Result<Vec<String>, String> {
    let mut packages = metadata.packages.into_iter();
    let package = packages
        .find(|package| package.name == PACKAGE)
        .ok_or_else(|| format!("the workspace has no package {PACKAGE}"))?;
    let targets = package
        .targets
        .into_iter()
        .filter(|target| target.is("bin"));
    Ok(targets.map(|target| target.name).collect())
}

/// Says what is missing and how to get it, when it cannot be installed.
fn install() -> Result<(), String> {
    if !works(nightly(["--version"])) {
        let mut command = Command::new("rustup");
        command.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        run_command(command).map_err(|_| {
            "no nightly compiler: run `rustup toolchain install nightly --profile minimal`"
                .to_owned()
        })?;
    }
    if !works(nightly(["fuzz", "--version"])) {
        run_command(cargo(["install", "cargo-fuzz", "--locked"])).map_err(|_| {
            "no cargo-fuzz: run `cargo install cargo-fuzz --locked`; it needs a C++ compiler"
                .to_owned()
        })?;
    }
    Ok(())
}

/// The cargo of the nightly toolchain.
fn nightly<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(arguments);
    command
}

/// Without a sanitizer: our crates have no unsafe code, and runs are twice as fast. With few
/// optimizations: the build takes longer than a short run otherwise.
fn build(target: Option<&str>) -> Result<(), String> {
    let mut command = nightly(["fuzz", "build", "--sanitizer=none", "--target-dir", BUILDS]);
    command
        .args(target)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    run_command(command)
}

/// Runs one target; says how many inputs it tried.
fn fuzz(target: &str, arguments: &Arguments) -> Result<u64, String> {
    let found = PathBuf::from(FOUND).join(target);
    let artifacts = PathBuf::from("fuzz/artifacts").join(target);
    for folder in [&found, &artifacts] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(program(target)?);
    command
        .arg(&found)
        .arg(PathBuf::from("fuzz/corpus").join(target))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={}", arguments.seconds))
        .args(arguments.runs.map(|runs| format!("-runs={runs}")))
        .args(arguments.seed.map(|seed| format!("-seed={seed}")))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=10", "-verbosity=0", "-print_final_stats=1"])
        .stdin(Stdio::null());
    match capture_errors(command) {
        Ok(output) => Ok(runs(&output)),
        Err(error) => Err(format!(
            "{error}; the input is in {}, and `cargo test --package {PACKAGE} {target}` replays it",
            artifacts.display()
        )),
    }
}

/// What cargo-fuzz built, for whichever machine this is.
fn program(target: &str) -> Result<PathBuf, String> {
    let builds = std::fs::read_dir(BUILDS).map_err(|error| format!("{BUILDS}: {error}"))?;
    builds
        .filter_map(Result::ok)
        .map(|build| build.path().join("release").join(target))
        .find(|program| program.is_file())
        .ok_or_else(|| format!("{target} was not built"))
}

/// The number in `stat::number_of_executed_units: 1686086`.
fn runs(output: &str) -> u64 {
    output
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_from_the_statistics() {
        let output =
            "INFO: seed corpus\nstat::number_of_executed_units: 1686086\nstat::peak_rss_mb: 5\n";
        assert_eq!(runs(output), 1_686_086);
        assert_eq!(runs(""), 0);
    }

    #[test]
    fn targets_are_the_programs_of_the_package() {
        let json = r#"{"target_directory": "t", "packages": [
            {"name": "other", "manifest_path": "p", "features": {}, "targets": [
                {"name": "tool", "kind": ["bin"]}]},
            {"name": "signalbus-fuzz", "manifest_path": "p", "features": {}, "targets": [
                {"name": "signalbus_fuzz", "kind": ["lib"]}, {"name": "event", "kind": ["bin"]}]}
        ]}"#;
        let metadata = serde_json::from_str(json).unwrap();
        assert_eq!(targets_of(metadata).unwrap(), ["event"]);
    }
}
