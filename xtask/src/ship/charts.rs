//! `cargo xtask charts`: the chart by helm, and what it makes by the schemas of Kubernetes. Needs Go: helm
//! is built from source the first time, which takes minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools;
use crate::metadata::Metadata;
use crate::process::{capture, run as run_command, works};
use crate::report::{Done, Report};

const CHART: &str = "deploy/helm/signalbus";
const HELM: (&str, &str) = ("helm.sh/helm/v4/cmd/helm", "v4.3.1");
const VALIDATOR: &str = "kubernetes-validate==1.37.0";

pub(crate) fn run(report: &mut Report) {
    let mut helm = None;
    report.step("helm", || {
        helm = Some(tools::go("helm", HELM.0, HELM.1)?);
        Ok(Done::Ran(HELM.1.to_owned()))
    });
    let Some(helm) = helm else { return };
    report.step("chart", || {
        let validator = tools::python("kubernetes-validate", VALIDATOR)?;
        // A validator that takes everything would take this, too.
        let broken = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: []}\n";
        let file = scratch("broken.yaml", broken)?;
        let mut command = Command::new(&validator);
        command.arg("--strict").arg(&file);
        if works(command) {
            return Err("kubernetes-validate takes a Service with prots".to_owned());
        }
        let mut values = yaml_files("ci")?;
        values.push(Path::new(CHART).join("values.yaml"));
        for values in &values {
            taken(&helm, &validator, values)?;
        }
        Ok(Done::Ran(format!("{} files of values", values.len())))
    });
    report.step("values that the chart refuses", || {
        let refused = yaml_files("refused")?;
        for values in &refused {
            if works(template(&helm, values)) {
                return Err(format!("{} is taken", values.display()));
            }
        }
        Ok(Done::Ran(format!("{} files of values", refused.len())))
    });
}

fn template(helm: &Path, values: &Path) -> Command {
    let mut command = Command::new(helm);
    command.args(["template", "release", CHART, "--values"]);
    command.arg(values);
    command
}

fn taken(helm: &Path, validator: &Path, values: &Path) -> Result<(), String> {
    let mut lint = Command::new(helm);
    lint.args(["lint", "--strict", CHART, "--values"])
        .arg(values);
    run_command(lint)?;
    let made = capture(template(helm, values))?;
    if !made.contains("kind: Deployment") {
        return Err(format!("{} makes no Deployment", values.display()));
    }
    let file = scratch("made.yaml", &made)?;
    let mut command = Command::new(validator);
    command.arg("--strict").arg(file);
    run_command(command)
}

fn scratch(name: &str, text: &str) -> Result<PathBuf, String> {
    let folder = Metadata::target()?.join("charts");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let file = folder.join(name);
    fs::write(&file, text).map_err(|error| error.to_string())?;
    Ok(file)
}

/// Values of this folder of the chart.
fn yaml_files(folder: &str) -> Result<Vec<PathBuf>, String> {
    let folder = Path::new(CHART).join(folder);
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.map_err(|error| error.to_string())?.path());
    }
    files.sort();
    Ok(files)
}
