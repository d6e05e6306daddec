//! What is inside of what we ship: crates of others, with what each depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use crate::process::{capture_quietly, cargo};

/// Something that is shipped: packages, built together with these features.
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    packages: &'static [&'static str],
    features: &'static str,
}

/// What the images have in them.
pub(crate) const IMAGES: Shipped = Shipped {
    name: "signalbus-images",
    packages: &["signalbus-examples", "signalbus-cli"],
    features: "signalbus-examples/servers,signalbus-examples/notification-server",
};

/// A crate by name and version.
pub(crate) type Id = (String, String);

/// One crate.
#[derive(Debug)]
pub(crate) struct Part {
    /// An SPDX expression, or nothing where the crate names a file.
    pub(crate) licence: Option<String>,
    pub(crate) repository: Option<String>,
    /// The folder of its sources.
    pub(crate) folder: PathBuf,
    /// SHA-256 of what the registry has; members of this workspace have none.
    pub(crate) checksum: Option<String>,
    pub(crate) needs: BTreeSet<Id>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

impl Shipped {
    /// All of it, for the target it is built for.
    pub(crate) fn parts(&self) -> Result<BTreeMap<Id, Part>, String> {
        let needs = self.tree()?;
        let json = capture_quietly(cargo([
            "metadata",
            "--format-version=1",
            "--locked",
            "--all-features",
        ]))?;
        let metadata: Metadata =
            serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))?;
        let lock = fs::read_to_string("Cargo.lock").map_err(|error| error.to_string())?;
        let checksums = checksums(&lock);
        let mut parts = BTreeMap::new();
        for package in metadata.packages {
            let id = (package.name, package.version);
            let Some(needs) = needs.get(&id) else {
                continue;
            };
            let folder = package.manifest_path.parent();
            let part = Part {
                licence: package.license,
                repository: package.repository,
                folder: folder.ok_or("a manifest is in no folder")?.to_owned(),
                checksum: checksums.get(&id).cloned(),
                needs: needs.clone(),
            };
            parts.insert(id, part);
        }
        match needs.keys().find(|id| !parts.contains_key(*id)) {
            None => Ok(parts),
            Some((name, version)) => Err(format!("cargo metadata does not know {name} {version}")),
        }
    }

    fn tree(&self) -> Result<BTreeMap<Id, BTreeSet<Id>>, String> {
        let mut command = cargo(["tree", "--locked", "--edges=normal", "--prefix=depth"]);
        command.arg("--format={p}");
        for package in self.packages {
            command.args(["--package", package]);
        }
        command.args(["--features", self.features]);
        Ok(needs(&capture_quietly(command)?))
    }
}

/// Who needs whom. A line is its depth and its crate: `2rustls v0.23.46 (*)`.
fn needs(tree: &str) -> BTreeMap<Id, BTreeSet<Id>> {
    let mut found: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut path: Vec<Id> = Vec::new();
    for line in tree.lines() {
        let Some(start) = line.find(|c: char| !c.is_ascii_digit()) else {
            continue;
        };
        let (depth, rest) = line.split_at(start);
        let mut words = rest.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            continue;
        };
        let id = (name.to_owned(), version.trim_start_matches('v').to_owned());
        path.truncate(depth.parse().unwrap_or_default());
        found.entry(id.clone()).or_default();
        if let Some(above) = path.last() {
            found.entry(above.clone()).or_default().insert(id.clone());
        }
        path.push(id);
    }
    found
}

/// The checksums of Cargo.lock.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            let id = (value(block, "name = ")?, value(block, "version = ")?);
            Some((id, value(block, "checksum = ")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str, version: &str) -> Id {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn a_tree_says_who_needs_whom() {
        let found = needs(
            "0app v1.0.0 (/p)\n1a v0.1.0\n2c v0.3.0 (proc-macro)\n1b v0.2.0\n2c v0.3.0 (*)\n",
        );
        assert_eq!(found.len(), 4);
        assert_eq!(
            found[&id("app", "1.0.0")],
            BTreeSet::from([id("a", "0.1.0"), id("b", "0.2.0")])
        );
        assert_eq!(found[&id("b", "0.2.0")], BTreeSet::from([id("c", "0.3.0")]));
        assert!(found[&id("c", "0.3.0")].is_empty());
    }

    #[test]
    fn checksums_are_those_of_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            checksums(lock),
            BTreeMap::from([(id("a", "1.0.0"), "ab".to_owned())])
        );
    }
}
