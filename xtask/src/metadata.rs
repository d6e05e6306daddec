//! What `cargo metadata` says about the members of the workspace.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::process::{capture, cargo};

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    /// Registries it may go to: none given means any, an empty list means nowhere.
    publish: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `*` where a path is all there is: such a one is not told to a registry.
    req: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    kind: Vec<String>,
    #[serde(default)]
    src_path: PathBuf,
}

impl Metadata {
    pub(crate) fn load() -> Result<Self, String> {
        let json = capture(cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
        serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// Where everything is built.
    pub(crate) fn target() -> Result<PathBuf, String> {
        Self::load().map(|metadata| metadata.target_directory)
    }

    /// The members that users depend on.
    pub(crate) fn libraries(self) -> impl Iterator<Item = Package> {
        self.packages.into_iter().filter(|package| {
            package.is_published() && package.targets.iter().any(|target| target.is("lib"))
        })
    }
}

impl Package {
    /// Whether it goes to a registry.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|to| !to.is_empty())
    }

    /// What a registry has to have before this one: also what tests need, where it has a version.
    pub(crate) fn needed_to_publish(&self) -> impl Iterator<Item = &str> {
        let told = self.dependencies.iter().filter(|need| need.req != "*");
        told.map(|need| need.name.as_str())
    }
}

impl Target {
    /// Whether it runs until it is stopped: the servers among the examples, which their tests start.
    pub(crate) fn is_server(&self) -> bool {
        let mut folders = self.src_path.components();
        folders.any(|part| part.as_os_str() == "servers")
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|of| of == kind)
    }
}
