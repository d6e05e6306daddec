//! `cargo xtask release`: the crates in the order in which they can be published, what changed in each,
//! what the images are made of, and whether the public interface breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::{changelog, sbom};
use crate::metadata::{Metadata, Package};
use crate::package;
use crate::process::{capture, cargo, run as run_command, works};
use crate::report::{Done, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Publish nothing: make everything, and say what would be published.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(report: &mut Report, arguments: &Arguments) {
    let mut order = Vec::new();
    report.step("order", || {
        order = in_order(&published()?)?;
        Ok(Done::Ran(order.join(", ")))
    });
    report.step("package", || {
        package::pack(&order)?;
        Ok(Done::Ran(format!("{} crates", order.len())))
    });
    report.step("what the images are made of", || {
        let (path, parts) = sbom::write()?;
        Ok(Done::Ran(format!("{parts} crates in {}", path.display())))
    });
    report.step("changelog of each crate", || {
        let text = fs::read_to_string("CHANGELOG.md").map_err(|error| error.to_string())?;
        let folder = Metadata::target()?.join("changelog");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for name in &order {
            let changes = changelog::of(&text, name)?;
            fs::write(folder.join(format!("{name}.md")), changes)
                .map_err(|error| error.to_string())?;
        }
        Ok(Done::Ran(folder.display().to_string()))
    });
    interface(report);
    super::upgrade::run(report);
    if arguments.dry_run {
        return;
    }
    for name in order {
        report.step(&format!("publish {name}"), || {
            run_command(cargo(["publish", "--locked", "--package", &name]))?;
            Ok(Done::Ran(String::new()))
        });
    }
}

/// The public interface against that of the last tag.
pub(crate) fn interface(report: &mut Report) {
    report.step("public interface", || {
        let mut tags = Command::new("git");
        tags.args(["tag", "--list", "v*", "--sort=-version:refname"]);
        let tags = capture(tags)?;
        let Some(last) = tags.lines().next() else {
            return Ok(Done::NotChecked(
                "there is no tag yet to compare with".to_owned(),
            ));
        };
        if !works(cargo(["semver-checks", "--version"])) {
            run_command(cargo(["install", "cargo-semver-checks", "--locked"]))?;
        }
        let mut command = cargo(["semver-checks", "--baseline-rev", last]);
        for package in Metadata::load()?.libraries() {
            command.args(["--package", &package.name]);
        }
        run_command(command)?;
        Ok(Done::Ran(format!("against {last}")))
    });
}

/// What goes to a registry: libraries and the command line.
fn published() -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let packages = Metadata::load()?.packages;
    let names: BTreeSet<String> = packages
        .iter()
        .filter(|package| package.is_published())
        .map(|package| package.name.clone())
        .collect();
    let needs = |package: &Package| {
        let needed = package.needed_to_publish();
        needed
            .filter(|name| names.contains(*name))
            .map(str::to_owned)
            .collect()
    };
    Ok(packages
        .iter()
        .filter(|package| package.is_published())
        .map(|package| (package.name.clone(), needs(package)))
        .collect())
}

/// Each after what it needs.
fn in_order(needs: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, String> {
    let mut order: Vec<String> = Vec::new();
    while order.len() < needs.len() {
        let next = needs.iter().find(|(name, needs)| {
            !order.contains(name) && needs.iter().all(|need| order.contains(need))
        });
        match next {
            Some((name, _)) => order.push(name.clone()),
            None => {
                let left = needs.keys().filter(|name| !order.contains(name));
                let left: Vec<&str> = left.map(String::as_str).collect();
                return Err(format!("these need each other: {}", left.join(", ")));
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(of: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        of.iter()
            .map(|(name, needs)| {
                let needs = needs.iter().map(|need| (*need).to_owned()).collect();
                ((*name).to_owned(), needs)
            })
            .collect()
    }

    #[test]
    fn each_comes_after_what_it_needs_and_a_circle_is_told() {
        let order = in_order(&needs(&[("a", &["c"]), ("b", &["a", "c"]), ("c", &[])]));
        assert_eq!(order.unwrap(), ["c", "a", "b"]);
        let error = in_order(&needs(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])).unwrap_err();
        assert_eq!(error, "these need each other: a, b");
    }
}
