//! What users get: the crates as they are packed, and programs outside the workspace.
//!
//! The public registry has another project's `signalbus`, so that only the whole workspace is
//! packed, and the second program is pointed at the unpacked crates.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::first_message;
use crate::metadata::Metadata;
use crate::process::{capture, cargo, run as run_command};
use crate::report::{Done, Report};

/// The program of the README.
const PROGRAM: &str = include_str!("../../examples/first_program/main.rs");

pub(crate) fn run(report: &mut Report) {
    report.step("package", || {
        let libraries = Metadata::load()?.libraries();
        let names: Vec<String> = libraries.map(|package| package.name).collect();
        pack(&names)?;
        Ok(Done::Ran(format!("{} crates", names.len())))
    });
    report.step("a program made with cargo add --path", || {
        let program = Outside::new("added", "")?;
        let library = fs::canonicalize("signalbus").map_err(|error| error.to_string())?;
        program.add(&["--path", &library.to_string_lossy(), "--features", "sqlite"])?;
        program.prints_accepted()
    });
    report.step("the first message, as the book tells it", || {
        first_message::follow(&Metadata::target()?.join("outside").join("target"))
    });
    report.step("a program on the packed crates", || {
        // `cargo add` looks into the registry, where there is no such version.
        let version = env!("CARGO_PKG_VERSION");
        let mut patch = format!(
            "[dependencies]\nsignalbus = {{ version = \"{version}\", features = [\"sqlite\"] }}\n\n\
             [patch.crates-io]\n"
        );
        for (name, folder) in unpack()? {
            writeln!(patch, "{name} = {{ path = {folder:?} }}")
                .map_err(|error| error.to_string())?;
        }
        Outside::new("packed", &patch)?.prints_accepted()
    });
}

/// Packs crates, as they would be published.
pub(crate) fn pack(names: &[String]) -> Result<(), String> {
    // Built below, by a program that depends on them.
    let mut command = cargo(["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for name in names {
        command.args(["--package", name]);
    }
    run_command(command)
}

/// Unpacks what was packed; the folder of each crate.
fn unpack() -> Result<Vec<(String, PathBuf)>, String> {
    let mut folders = Vec::new();
    let packed = Metadata::target()?.join("package");
    for package in Metadata::load()?.libraries() {
        let name = format!("{}-{}", package.name, env!("CARGO_PKG_VERSION"));
        let folder = packed.join(&name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
        }
        let mut tar = std::process::Command::new("tar");
        // With the time of now: cargo would take it for what it built last time.
        tar.arg("-xzmf").arg(packed.join(format!("{name}.crate")));
        tar.arg("-C").arg(&packed);
        run_command(tar)?;
        folders.push((package.name, folder));
    }
    Ok(folders)
}

/// A package that is no member of this workspace.
struct Outside {
    manifest: PathBuf,
    folder: PathBuf,
}

impl Outside {
    fn new(name: &str, more: &str) -> Result<Self, String> {
        let folder = Metadata::target()?.join("outside").join(name);
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
        }
        fs::create_dir_all(folder.join("src")).map_err(|error| error.to_string())?;
        write(
            folder.join("Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                 [workspace]\n\n{more}"
            ),
        )?;
        write(folder.join("src/main.rs"), PROGRAM)?;
        // The versions that the workspace is tested with.
        fs::copy("Cargo.lock", folder.join("Cargo.lock")).map_err(|error| error.to_string())?;
        let program = Self {
            manifest: folder.join("Cargo.toml"),
            folder,
        };
        program.add(&[
            "tokio",
            "--no-default-features",
            "--features",
            "macros,rt-multi-thread",
        ])?;
        Ok(program)
    }

    fn add(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = cargo(["add", "--quiet", "--manifest-path"]);
        command.arg(&self.manifest).args(arguments);
        run_command(command)
    }

    fn prints_accepted(&self) -> Result<Done, String> {
        let mut command = cargo(["run", "--quiet", "--manifest-path"]);
        command.arg(&self.manifest);
        // Both programs have the same dependencies.
        command.env("CARGO_TARGET_DIR", shared(&self.folder));
        command.current_dir(&self.folder);
        let said = capture(command)?;
        if said.starts_with("Accepted") && said.contains("Welcome!") {
            Ok(Done::Ran(String::new()))
        } else {
            Err(format!("the first program said {said:?}"))
        }
    }
}

fn shared(folder: &Path) -> PathBuf {
    folder.with_file_name("target")
}
